import { introspectToken } from '@gatepost/contracts/auth/introspection'
import { AUDIENCE } from '@gatepost/service-kit/identity'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { SessionService } from './session-service.ts'

/** `validate-token` for programs that speak RFC 7662, in the claims' own names. */
export function introspectionRoute (app: App, { sessions, issuer }: { sessions: SessionService, issuer: string }) {
  app.route({
    ...routeOf(introspectToken),
    async handler (request) {
      const principal = await app.identity.verify(request.body.token)
      if (!principal || !await sessions.accountOf(principal)) return { active: false as const }
      const { userId, sessionId, tokenId, role, scopes, issuedAt, expiresAt } = principal
      return {
        active: true as const,
        token_type: 'Bearer' as const,
        iss: issuer,
        aud: AUDIENCE,
        sub: userId,
        sid: sessionId,
        jti: tokenId,
        role,
        ...scopes && { scope: [...scopes].join(' ') },
        iat: issuedAt,
        exp: expiresAt
      }
    }
  })
}
