import { createUser, deleteUser, endUserSessions, forceReset } from '@gatepost/contracts/auth/user-operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FastifyRequest } from 'fastify'
import { callerOf } from '../plugins/live-session.ts'
import { originOf } from '../plugins/request-origin.ts'
import type { Actor, AdministrationService } from './administration-service.ts'

export function administrationRoutes (app: App, { administration }: { administration: AdministrationService }) {
  app.route({
    ...routeOf(createUser),
    async handler (request, reply) {
      const user = await administration.create(request.body, actorOf(request))
      return reply.code(201).header('cache-control', 'no-store').send(user)
    }
  })
  app.route({
    ...routeOf(deleteUser),
    async handler (request, reply) {
      await administration.delete(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(endUserSessions),
    async handler (request, reply) {
      await administration.endSessions(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  })
  app.route({
    ...routeOf(forceReset),
    async handler (request, reply) {
      await administration.forceReset(request.params.id, actorOf(request))
      return reply.code(204).send(null)
    }
  })
}

function actorOf (request: FastifyRequest): Actor {
  return { actorId: callerOf(request).account.id, origin: originOf(request) }
}
