import {
  endSession,
  listSessions,
  login,
  refreshToken,
  validateToken
} from '@gatepost/contracts/auth/session-operations'
import { routeOf, withoutBody } from '@gatepost/service-kit/route'
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
    handler: (request) => logins.login({ ...request.body, origin: originOf(request) })
  })
  app.route({
    ...routeOf(refreshToken),
    handler: (request) => refreshes.refresh(request.body.refreshToken, originOf(request))
  })
  app.route({
    ...routeOf(listSessions),
    handler: (request) => sessions.list(callerOf(request).holder, request.query.ended === 'true')
  })
  app.route({
    ...routeOf(endSession),
    handler: withoutBody((request) => sessions.end(callerOf(request).holder, request.params.id, originOf(request)))
  })
  app.route({
    ...routeOf(validateToken),
    async handler (request) {
      const principal = await app.identity.verify(request.body.token)
      if (!principal || !await sessions.accountOf(principal)) return { active: false as const }
      return {
        active: true as const,
        userId: principal.userId,
        sessionId: principal.sessionId,
        role: principal.role,
        issuedAt: new Date(principal.issuedAt * 1000).toISOString(),
        expiresAt: new Date(principal.expiresAt * 1000).toISOString()
      }
    }
  })
}
