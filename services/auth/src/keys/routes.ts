import { getJwks } from '@gatepost/contracts/auth/session-operations'
import { TOKEN_LIFETIME_HEADER } from '@gatepost/service-kit/key-source'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { KeyStore } from './key-store.ts'

export function keyRoutes (app: App, { keys, accessTokenTtl }: { keys: KeyStore, accessTokenTtl: number }) {
  app.route({
    ...routeOf(getJwks),
    handler (_request, reply) {
      const jwks = keys.jwks()
      // An empty set would be cached and make every token 401.
      if (jwks.keys.length === 0) throw new ProblemError('OVERLOADED', { headers: retryAfter(1) })
      reply.header(TOKEN_LIFETIME_HEADER, accessTokenTtl)
      return jwks
    }
  })
}
