import { TypeCompiler } from '@sinclair/typebox/compiler'
import { AccessTokenClaimsSchema } from '@gatepost/contracts/auth/schemas'
import type { FastifyBaseLogger } from 'fastify'
import { KeysUnavailableError, type KeySource } from '../key-source.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { ProblemError, retryAfter } from '../problem.ts'
import type { RevocationList } from '../revocation-list.ts'
import { createKeyVerifiers } from './key-verifiers.ts'
import type { Principal } from './principal.ts'
import { scopesOf } from './scopes.ts'
import { CLOCK_SKEW_SECONDS, type TokenLibrary, type Verifier } from './token-library.ts'
import { tokenOf, keyIdOf } from './token-shape.ts'
import { createTokenTable } from './token-table.ts'

export interface TokenJudge {
  /**
   * Judges one access token: the principal, or undefined for any token that is not good now (forged, expired, revoked,
   * or no token at all). Throws a 503 problem when the token cannot be judged: without its key while auth is away, or
   * before the revocations were read. Synchronous, except for a key not seen before.
   */
  verify (token: string): MaybePromise<Principal | undefined>
  /**
   * The principal of an Authorization header whose token was verified before and is still good; costs no cryptography.
   */
  recognize (authorization: string | undefined): Principal | undefined
  stats: { hits: number, misses: number, refusals: number, overlong: number, readonly size: number }
}

export interface TokenJudgeOptions {
  keys: KeySource
  revocations: RevocationList
  /** The `iss` of tokens. */
  issuer: string
  /** Seconds. A token that lives longer is refused, since revocations are read back no further. */
  accessTokenTtl: number
  /** The most verified tokens to remember. */
  cacheSize: number
  library: TokenLibrary
  log: FastifyBaseLogger
}

/** The facts that can change (expiry, revocation, removal of the key) are checked at every hit. */
interface VerifiedToken {
  principal: Principal
  kid: string
}

/** The basis of a judgement: the key id, and the key of that time. */
interface SigningKey {
  kid: string
  key: string
}

/** The most refused tokens to remember: at most 16 MB, since a header has at most 16 KB. */
const REFUSED_TOKENS = 1_000
const RETRY_AFTER_SECONDS = 1
const claims = TypeCompiler.Compile(AccessTokenClaimsSchema)

/** Judges tokens and remembers the verdicts, good and bad tokens apart: junk cannot push out a good token. */
export function createTokenJudge (
  { keys, revocations, issuer, accessTokenTtl, cacheSize, library, log }: TokenJudgeOptions
): TokenJudge {
  const verifiers = createKeyVerifiers(library, issuer)
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

  /** A good token of a session that may have ended cannot be told from one of a live session. */
  function judgeable (principal: Principal) {
    if (!revocations.complete) throw unavailable()
    return principal
  }

  /** Whether the token was refused before, so that a client that goes on with a bad token costs no cryptography. */
  function wasRefused (token: string) {
    const by = refused.get(token)
    if (by === undefined || !isCurrent(by)) return false
    stats.refusals++
    return true
  }

  /** Remembers a refusal, unless its key is gone: the loss of the key may have been the reason. */
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

  function verifyNew (token: string): MaybePromise<Principal | undefined> {
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

  async function findKey (kid: string) {
    try {
      return await keys.find(kid)
    } catch (cause) {
      throw cause instanceof KeysUnavailableError ? unavailable(cause) : cause
    }
  }

  function accept (token: string, by: SigningKey, verifier: Verifier): Principal | undefined {
    const payload = payloadOf(token, by, verifier)
    if (!claims.Check(payload) || payload.iat > Date.now() / 1000 + CLOCK_SKEW_SECONDS) return undefined
    const principal = {
      userId: payload.sub,
      sessionId: payload.sid,
      role: payload.role,
      scopes: scopesOf(payload.scope),
      tokenId: payload.jti,
      issuedAt: payload.iat,
      expiresAt: payload.exp
    }
    const entry = { kid: by.kid, principal }
    const overlong = payload.exp - payload.iat > accessTokenTtl
    if (overlong) stats.overlong++
    if (overlong || !stillGood(entry)) {
      refuse(token, by)
      return undefined
    }
    verified.add(token, entry)
    return judgeable(principal)
  }

  /** A bad token is one kind of refusal here, and many kinds of error in the library. */
  function payloadOf (token: string, by: SigningKey, verifier: Verifier): unknown {
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0 // a stack inside the library helps nobody, and costs a fifth of a refusal
    try {
      return verifier(token)
    } catch (error) {
      log.debug({ err: error }, 'access token refused')
      if (library.isFinal(error)) refuse(token, by)
      return undefined
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

  return { verify, recognize, stats }
}

function unavailable (cause?: unknown) {
  return new ProblemError('UPSTREAM_UNAVAILABLE', { cause, headers: retryAfter(RETRY_AFTER_SECONDS) })
}
