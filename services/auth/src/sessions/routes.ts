import { endSession, listSessions, login, refreshToken } from '@gatepost/contracts/auth/session-operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { callerOf, originOf } from '../caller.ts'
import type { LoginService } from './login-service.ts'
import type { RefreshService } from './refresh-service.ts'
import type { SessionService } from './session-service.ts'

export function sessionRoutes (
  app: App,
  { logins, refreshes, sessions }: { logins: LoginService, refreshes: RefreshService, sessions: SessionService }
) {
  app.route({
    ...routeOf(login),
    async handler (request, reply) {
      const session = await logins.login({ ...request.body, origin: originOf(request) })
      return reply.header('cache-control', 'no-store').send(session)
    }
  })
  app.route({
    ...routeOf(refreshToken),
    async handler (request, reply) {
      const session = await refreshes.refresh(request.body.refreshToken, originOf(request))
      return reply.header('cache-control', 'no-store').send(session)
    }
  })
  app.route({
    ...routeOf(listSessions),
    async handler (request, reply) {
      const list = await sessions.list(callerOf(request).holder, request.query.ended === 'true')
      return reply.header('cache-control', 'no-store').send(list)
    }
  })
  app.route({
    ...routeOf(endSession),
    async handler (request, reply) {
      await sessions.end(callerOf(request).holder, request.params.id, originOf(request))
      return reply.code(204).send(null)
    }
  })
}
