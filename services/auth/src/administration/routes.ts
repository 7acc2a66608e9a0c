import type { FastifyRequest } from 'fastify'
import {
  createUser,
  deleteUser,
  endUserSessions,
  forceReset,
  listUsers,
  manageUser
} from '@gatepost/contracts/auth/user-operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import { cursorAfter, positionOf } from '../cursor.ts'
import type { Actor, AdministrationService } from './administration-service.ts'
import type { ManagedUserService } from './managed-user-service.ts'

const DEFAULT_LIMIT = 20

export interface AdministrationRouteOptions {
  administration: AdministrationService
  managedUsers: ManagedUserService
  seal: CursorSeal
}

export function administrationRoutes (app: App, { administration, managedUsers, seal }: AdministrationRouteOptions) {
  app.route({
    ...routeOf(listUsers),
    async handler (request, reply) {
      const { cursor, limit = DEFAULT_LIMIT, q } = request.query
      const list = q === undefined ? 'users' : `users:${q}`
      const { items, last } = await managedUsers.list({ search: q, before: positionOf(seal, cursor, list), limit })
      return reply.header('cache-control', 'no-store').send({ items, nextCursor: cursorAfter(seal, last, list) })
    }
  })
  app.route({
    ...routeOf(manageUser),
    async handler (request, reply) {
      const user = await managedUsers.manage(request.params.id, request.body, actorOf(request))
      return reply.header('cache-control', 'no-store').send(user)
    }
  })
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
