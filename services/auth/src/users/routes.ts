import { getUser, listUsers, manageUser } from '@gatepost/contracts/auth/user-operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { App } from '@gatepost/service-kit/server'
import { cursorAfter, positionOf } from '../cursor.ts'
import { UserNotFoundError } from '../errors.ts'
import { originOf } from '../plugins/request-origin.ts'
import { callerOf } from '../plugins/live-session.ts'
import type { AdminService } from './admin-service.ts'
import type { ProfileService } from './profile-service.ts'

const DEFAULT_LIMIT = 20

export function userRoutes (
  app: App,
  { profiles, admins, seal }: { profiles: ProfileService, admins: AdminService, seal: CursorSeal }
) {
  app.route({
    ...routeOf(getUser),
    async handler (request) {
      const profile = await profiles.find(request.params.id)
      if (!profile) throw new UserNotFoundError()
      return profile
    }
  })
  app.route({
    ...routeOf(listUsers),
    async handler (request, reply) {
      const { cursor, limit = DEFAULT_LIMIT, q } = request.query
      const list = q === undefined ? 'users' : `users:${q}`
      const { items, last } = await admins.list({ search: q, before: positionOf(seal, cursor, list), limit })
      return reply.header('cache-control', 'no-store').send({ items, nextCursor: cursorAfter(seal, last, list) })
    }
  })
  app.route({
    ...routeOf(manageUser),
    async handler (request, reply) {
      const user = await admins.manage(request.params.id, request.body, {
        actorId: callerOf(request).account.id,
        origin: originOf(request)
      })
      return reply.header('cache-control', 'no-store').send(user)
    }
  })
}
