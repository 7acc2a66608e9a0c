import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { looksLikeApiKey } from './api-key.ts'
import { chooseLibrary } from './identity/choose-library.ts'
import type { Principal } from './identity/principal.ts'
import { requireScope } from './identity/scopes.ts'
import { createTokenJudge, type TokenJudge, type TokenJudgeOptions } from './identity/token-judge.ts'
import type { TokenLibrary } from './identity/token-library.ts'
import { tokenOf } from './identity/token-shape.ts'
import { andThen, type MaybePromise } from './maybe-promise.ts'
import { ProblemError } from './problem.ts'
import type { RoutePolicy } from './route.ts'
import { watchTokenLifetime } from './token-lifetime.ts'

export { AUDIENCE } from './identity/token-library.ts'
export { tokenOf } from './identity/token-shape.ts'
export type { Principal } from './identity/principal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The verified caller; set on routes that need a token, and on `optional` ones when a good token came. */
    principal: Principal | undefined
  }
  interface FastifyInstance {
    identity: Identity
  }
}

export interface Identity extends TokenJudge {
  /**
   * Applies a route's policy to a request; throws 401 or 403 problems. `recognized` saves a second look-up of the
   * token.
   */
  authorize(request: FastifyRequest, route: FastifyContextConfig, recognized?: Principal): MaybePromise<void>
}

export interface IdentityOptions extends Pick<TokenJudgeOptions, 'keys' | 'revocations' | 'issuer' | 'accessTokenTtl'> {
  registry?: Registry
  /** The most verified tokens to remember. */
  cacheSize?: number
  /** The library that judges new tokens; by default the fastest with a binary for this platform. */
  library?: TokenLibrary
  /**
   * Whether the plugin applies each route's policy itself, at onRequest. The gateway applies it in an order of its own.
   */
  enforce?: boolean
}

const KEY_REFUSED = 'The API key is unknown, expired or deleted. Make another.'

/**
 * The 401 for a request without a token, or with a bad one (RFC 6750 section 3). Takes whether a token was sent, or the
 * Authorization header: a session is refreshed, a key is not.
 */
export function unauthorized (sent: boolean | string | undefined) {
  const tokenSent = sent !== undefined && sent !== false
  const isKey = typeof sent === 'string' && looksLikeApiKey(tokenOf(sent) ?? '')
  return new ProblemError(tokenSent ? 'TOKEN_INVALID' : 'TOKEN_REQUIRED', {
    ...isKey && { detail: KEY_REFUSED },
    headers: {
      'www-authenticate': tokenSent ? 'Bearer realm="gatepost", error="invalid_token"' : 'Bearer realm="gatepost"'
    }
  })
}

/** Verifies bearer tokens and names the caller. Every bad token is the same 401. */
export const identity = fp<IdentityOptions>(
  async (app, { registry, cacheSize = 20_000, library, enforce = true, ...options }) => {
    const judge = createTokenJudge({
      ...options,
      cacheSize,
      library: library ?? await chooseLibrary(app.log),
      log: app.log
    })
    if (registry !== undefined) watchTokenLifetime(registry, options.accessTokenTtl, judge.stats)

    const authorize: Identity['authorize'] = (request, route, recognized) => {
      const policy: RoutePolicy = request.is404 ? 'none' : route.auth ?? 'user'
      if (policy === 'none') return
      const header = request.headers.authorization
      const token = recognized === undefined && header !== undefined ? tokenOf(header) : undefined
      const principal = token === undefined
        ? recognized
        : policy === 'optional' ? verifyIfPossible(token) : judge.verify(token)
      return andThen(principal, (found) => apply(request, found, route, policy))
    }

    /** Where no token is needed, a token that cannot be judged now counts as none. */
    function verifyIfPossible (token: string) {
      try {
        const principal = judge.verify(token)
        return principal instanceof Promise ? principal.catch(unjudged) : principal
      } catch (error) {
        return unjudged(error)
      }
    }

    app.decorateRequest('principal', undefined)
    app.decorate('identity', { ...judge, authorize })
    if (enforce) app.addHook('onRequest', async (request) => authorize(request, request.route.config))
  },
  { name: 'identity' }
)

function unjudged (error: unknown): undefined {
  if (!(error instanceof ProblemError)) throw error
}

function apply (
  request: FastifyRequest,
  principal: Principal | undefined,
  { operation }: FastifyContextConfig,
  policy: RoutePolicy
) {
  const tokenSent = request.headers.authorization !== undefined
  if (principal === undefined && (policy !== 'optional' || (!tokenSent && !bringsBody(request)))) {
    throw unauthorized(request.headers.authorization)
  }
  if (principal?.scopes !== undefined) requireScope(principal.scopes, operation?.scope ?? null)
  if (policy === 'admin' && principal!.role !== 'admin') throw new ProblemError('FORBIDDEN')
  request.principal = principal
  if (principal !== undefined) request.span?.setAttribute('enduser.id', principal.userId)
}

/** Whether the request has a body, by which a caller of an `optional` operation can do without a token. */
function bringsBody ({ headers }: FastifyRequest) {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
