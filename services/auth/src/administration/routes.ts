import type { FastifyRequest } from 'fastify'
import {
  createUser,
  deleteUser,
  endUserSession,
  endUserSessions,
  forceReset,
  listUsers,
  manageUser
} from '@gatepost/contracts/auth/user-operations'
import { DEFAULT_LIMIT } from '@gatepost/service/page'
import { routeOf, withoutBody } from '@gatepost/service-kit/route'
import type { CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import { cursorAfter, positionOf } from '../cursor.ts'
import type { Actor, AdministrationService } from './administration-service.ts'
import type { ManagedUserService } from './managed-user-service.ts'

export interface AdministrationRouteOptions {
  administration: AdministrationService
  managedUsers: ManagedUserService
  seal: CursorSeal
}

export function administrationRoutes (app: App, { administration, managedUsers, seal }: AdministrationRouteOptions) {
  app.route({
    ...routeOf(listUsers),
    async handler (request) {
      const { cursor, limit = DEFAULT_LIMIT, q } = request.query
      const list = q === undefined ? 'users' : `users:${q}`
      const { items, last } = await managedUsers.list({ search: q, before: positionOf(seal, cursor, list), limit })
      return { items, nextCursor: cursorAfter(seal, last, list) }
    }
  })
  app.route({
    ...routeOf(manageUser),
    handler: (request) => managedUsers.manage(request.params.id, request.body, actorOf(request))
  })
  app.route({
    ...routeOf(createUser),
    handler: (request) => administration.create(request.body, actorOf(request))
  })
  app.route({
    ...routeOf(deleteUser),
    handler: withoutBody((request) => administration.delete(request.params.id, actorOf(request)))
  })
  app.route({
    ...routeOf(endUserSessions),
    handler: withoutBody((request) => administration.endSessions(request.params.id, actorOf(request)))
  })
  app.route({
    ...routeOf(endUserSession),
    handler: withoutBody((request) =>
      administration.endSession(request.params.id, request.params.sessionId, actorOf(request))
    )
  })
  app.route({
    ...routeOf(forceReset),
    handler: withoutBody((request) => administration.forceReset(request.params.id, actorOf(request)))
  })
}

function actorOf (request: FastifyRequest): Actor {
  return { actorId: callerOf(request).account.id, origin: originOf(request) }
}
