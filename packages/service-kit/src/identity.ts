import { TypeCompiler } from '@sinclair/typebox/compiler'
import { AccessTokenClaimsSchema } from '@gatepost/contracts/auth/schemas'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Registry } from 'prom-client'
import { createKeyVerifiers } from './identity/key-verifiers.ts'
import { chooseLibrary } from './identity/choose-library.ts'
import type { Principal } from './identity/principal.ts'
import { requireScope, scopesOf } from './identity/scopes.ts'
import { CLOCK_SKEW_SECONDS, type TokenLibrary, type Verifier } from './identity/token-library.ts'
import { keyIdOf } from './identity/token-shape.ts'
import { createTokenTable } from './identity/token-table.ts'
import { KeysUnavailableError, type KeySource } from './key-source.ts'
import { ProblemError, retryAfter } from './problem.ts'
import type { RevocationList } from './revocation-list.ts'
import type { RoutePolicy } from './route.ts'
import { watchTokenLifetime } from './token-lifetime.ts'

export { AUDIENCE } from './identity/token-library.ts'
export type { Principal } from './identity/principal.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on routes that need a token, and on `optional` ones when a good token came along. */
    principal: Principal | undefined
  }
  interface FastifyInstance {
    identity: Identity
  }
}

export interface Identity {
  /**
   * Judges one access token: the principal, or undefined for any token that is not good now (forged, expired, revoked,
   * not a token at all). Throws a 503 problem when it cannot be judged: without its key while auth is away, or before
   * the revocations were read. Synchronous but for a key not seen before.
   */
  verify(token: string): Principal | undefined | Promise<Principal | undefined>
  /** Who sent an Authorization header whose token was verified before and is still good; costs no cryptography. */
  recognize(authorization: string | undefined): Principal | undefined
  /** Applies an operation's policy to a request; throws 401 or 403 problems. `recognized` spares it to look again. */
  authorize(request: FastifyRequest, recognized?: Principal): Promise<void> | undefined
  stats: { hits: number, misses: number, refusals: number, overlong: number, readonly size: number }
}

/** What can change (expiry, revocation, key removal) is looked at on every hit. */
interface VerifiedToken {
  principal: Principal
  kid: string
}

/** What a token was judged by: its key id, and the key that stood for it then. */
interface SigningKey {
  kid: string
  key: string
}

export interface IdentityOptions {
  keys: KeySource
  revocations: RevocationList
  /** The tokens' `iss`. */
  issuer: string
  /** Seconds; a token that lives longer is refused, since revocations are read back no further. */
  accessTokenTtl: number
  registry?: Registry
  /** How many verified tokens are remembered. */
  cacheSize?: number
  /** What judges a new token; without it, the faster one that there is a binary for on this platform. */
  library?: TokenLibrary
  /**
   * Whether the plugin applies each route's policy itself, at onRequest; the gateway does it in an order of its own.
   */
  enforce?: boolean
}

/** Refused tokens that are remembered: at most 16 MB, since a header has at most 16 KB. */
const REFUSED_TOKENS = 1_000
const RETRY_AFTER_SECONDS = 1
const BEARER = /^Bearer +([^\s,]+) *$/i
const claims = TypeCompiler.Compile(AccessTokenClaimsSchema)

/** The refusal of a request without a token, or with one that is not good (RFC 6750 section 3). */
export function unauthorized (tokenSent: boolean) {
  return new ProblemError(tokenSent ? 'TOKEN_INVALID' : 'TOKEN_REQUIRED', {
    headers: {
      'www-authenticate': tokenSent ? 'Bearer realm="gatepost", error="invalid_token"' : 'Bearer realm="gatepost"'
    }
  })
}

/** Verifies bearer tokens and says who calls. Every way for a token to be bad is the same 401. */
export const identity = fp<IdentityOptions>(
  async (app, { keys, revocations, issuer, accessTokenTtl, registry, cacheSize = 20_000, library, enforce = true }) => {
    const tokens = library ?? await chooseLibrary(app.log)
    const verifiers = createKeyVerifiers(tokens, issuer)
    // Apart, so that junk cannot push out a good token.
    const verified = createTokenTable<VerifiedToken>(cacheSize)
    const refused = createTokenTable<SigningKey>(REFUSED_TOKENS)
    const stats = {
      hits: 0,
      misses: 0,
      refusals: 0,
      overlong: 0,
      get size () {
        return verified.size
      }
    }
    if (registry !== undefined) watchTokenLifetime(registry, accessTokenTtl, stats)

    function stillGood ({ principal, kid }: VerifiedToken) {
      return Date.now() < (principal.expiresAt + CLOCK_SKEW_SECONDS) * 1000 && keys.get(kid) !== undefined &&
        !revocations.isRevoked(principal.sessionId, principal.expiresAt * 1000)
    }

    function verify (token: string) {
      const known = verified.get(token)
      if (!known) return wasRefused(token) ? undefined : verifyNew(token)
      stats.hits++
      if (stillGood(known)) return judgeable(known.principal)
      verified.delete(token)
      return undefined
    }

    /** A good token of a session that may have ended cannot be told from one of a session that goes on. */
    function judgeable (principal: Principal | undefined) {
      if (principal !== undefined && !revocations.complete) {
        throw new ProblemError('UPSTREAM_UNAVAILABLE', { headers: retryAfter(RETRY_AFTER_SECONDS) })
      }
      return principal
    }

    /** A client that goes on with an expired token, a forged one or one of an ended session costs no cryptography. */
    function wasRefused (token: string) {
      const by = refused.get(token)
      if (by === undefined || !isCurrent(by)) return false
      stats.refusals++
      return true
    }

    /** For good, as long as the key stays; one that is gone already may have been the reason. */
    function refuse (token: string, by: SigningKey) {
      if (isCurrent(by)) refused.add(token, by)
    }

    function isCurrent ({ kid, key }: SigningKey) {
      return keys.get(kid) === key
    }

    function recognize (authorization: string | undefined) {
      const known = authorization === undefined ? undefined : verified.get(tokenOf(authorization) ?? '')
      if (known === undefined || !stillGood(known) || !revocations.complete) return undefined
      stats.hits++
      return known.principal
    }

    function verifyNew (token: string): Principal | undefined | Promise<Principal | undefined> {
      const kid = keyIdOf(token)
      if (kid === undefined) return undefined
      stats.misses++
      const key = keys.get(kid)
      const verifier = key === undefined ? undefined : verifiers.of(key)
      return key !== undefined && typeof verifier === 'function'
        ? accept(token, { kid, key }, verifier)
        : verifyByUnseenKey(token, kid)
    }

    async function verifyByUnseenKey (token: string, kid: string) {
      const key = await findKey(kid)
      return key === undefined ? undefined : accept(token, { kid, key }, await verifiers.of(key))
    }

    function accept (token: string, by: SigningKey, verifier: Verifier): Principal | undefined {
      const payload = payloadOf(token, by, verifier)
      if (!claims.Check(payload) || payload.iat > Date.now() / 1000 + CLOCK_SKEW_SECONDS) return undefined
      const entry = {
        kid: by.kid,
        principal: {
          userId: payload.sub,
          sessionId: payload.sid,
          role: payload.role,
          scopes: scopesOf(payload.scope),
          tokenId: payload.jti,
          issuedAt: payload.iat,
          expiresAt: payload.exp
        }
      }
      const overlong = payload.exp - payload.iat > accessTokenTtl
      if (overlong) stats.overlong++
      if (overlong || !stillGood(entry)) {
        refuse(token, by)
        return undefined
      }
      verified.add(token, entry)
      return judgeable(entry.principal)
    }

    async function findKey (kid: string) {
      try {
        return await keys.find(kid)
      } catch (cause) {
        if (cause instanceof KeysUnavailableError) {
          throw new ProblemError('UPSTREAM_UNAVAILABLE', { cause, headers: retryAfter(RETRY_AFTER_SECONDS) })
        }
        throw cause
      }
    }

    /** A bad token is an error of many kinds to the library; here they are one. */
    function payloadOf (token: string, by: SigningKey, verifier: Verifier): unknown {
      const { stackTraceLimit } = Error
      Error.stackTraceLimit = 0 // where in the library it failed helps nobody, and costs a fifth of a refusal
      try {
        return verifier(token)
      } catch (error) {
        app.log.debug({ err: error }, 'access token refused')
        if (tokens.isFinal(error)) refuse(token, by)
        return undefined
      } finally {
        Error.stackTraceLimit = stackTraceLimit
      }
    }

    /** Where no token is needed, one that cannot be judged now is as good as none. */
    function verifyIfPossible (token: string) {
      try {
        const principal = verify(token)
        return principal instanceof Promise ? principal.catch(unjudged) : principal
      } catch (error) {
        return unjudged(error)
      }
    }

    function authorize (request: FastifyRequest, recognized?: Principal): Promise<void> | undefined {
      const policy: RoutePolicy = request.is404 ? 'none' : request.routeOptions.config.auth ?? 'user'
      if (policy === 'none') return undefined
      const header = request.headers.authorization
      const token = recognized === undefined && header !== undefined ? tokenOf(header) : undefined
      const principal = token === undefined
        ? recognized
        : policy === 'optional'
          ? verifyIfPossible(token)
          : verify(token)
      if (principal instanceof Promise) {
        return principal.then((found) =>
          apply(request, found, policy, header !== undefined)
        )
      }
      apply(request, principal, policy, header !== undefined)
      return undefined
    }

    app.decorateRequest('principal', undefined)
    app.decorate('identity', { verify, recognize, authorize, stats })
    if (enforce) app.addHook('onRequest', async (request) => authorize(request))
  },
  { name: 'identity' }
)

function unjudged (error: unknown): undefined {
  if (!(error instanceof ProblemError)) throw error
}

/** The token of an Authorization header (RFC 6750 2.1), or undefined when it holds no other thing than one. */
export function tokenOf (authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1]
}

function apply (request: FastifyRequest, principal: Principal | undefined, policy: RoutePolicy, tokenSent: boolean) {
  if (principal === undefined && (policy !== 'optional' || (!tokenSent && !bringsBody(request)))) {
    throw unauthorized(tokenSent)
  }
  if (principal?.scopes !== undefined) {
    requireScope(principal.scopes, request.routeOptions.config.operation?.scope ?? null)
  }
  if (policy === 'admin' && principal!.role !== 'admin') throw new ProblemError('FORBIDDEN')
  request.principal = principal
}

/** Who calls an `optional` operation without a token shows something else in the body. */
function bringsBody ({ headers }: FastifyRequest) {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
