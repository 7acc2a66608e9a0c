import { createPublicKey } from 'node:crypto'
import { Value } from '@sinclair/typebox/value'
import { JwkSetSchema, type JwkSet } from '@gatepost/contracts/auth/schemas'
import type { FastifyBaseLogger } from 'fastify'
import { directGet } from './direct-get.ts'

/** The header of auth's JWK Set with the life of auth's tokens, in seconds. */
export const TOKEN_LIFETIME_HEADER = 'x-access-token-ttl'

/** A source of the public keys of access tokens. */
export interface KeySource {
  /**
   * The key as PEM (SPKI); undefined when no key has the id. Rejects with {@link KeysUnavailableError} when that cannot
   * be known.
   */
  find (kid: string): string | undefined | Promise<string | undefined>
  /** The key as far as it is known now, without a fetch. */
  get (kid: string): string | undefined
}

/** No key could be fetched, so a token of an unknown key cannot be judged: 503 rather than 401. */
export class KeysUnavailableError extends Error {
  override name = 'KeysUnavailableError'
}

export interface RemoteKeySource extends KeySource {
  /** Resolves once keys are there. */
  ready: Promise<void>
  status (): {
    loaded: boolean
    ageSeconds: number
    keys: number
    /** Life of auth's tokens in seconds, once auth has stated it. */
    issuedTtl: number | undefined
  }
  stop (): void
}

const JwkSchema = JwkSetSchema.properties.keys.items
/** A key added or removed must count within 30 seconds everywhere. */
const REFRESH_MS = 12_000
const RETRY_MS = 100
const UNKNOWN_KEY_REFETCH_MS = 30_000
const FETCH_TIMEOUT_MS = 3_000

/** Public keys by id. A Map, because an id such as `constructor` must find nothing. */
export function keysOf (jwks: JwkSet): Map<string, string> {
  return new Map(jwks.keys.map((jwk) => [jwk.kid, pemOf(jwk)]))
}

function pemOf (jwk: JwkSet['keys'][number]) {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string
}

/** The usable keys of a document; RFC 7517 section 5 has a reader ignore the others. Throws without any. */
function usableKeys (document: unknown): Map<string, string> {
  const keys = new Map<string, string>()
  const listed = (document as { keys?: unknown } | null)?.keys
  for (const jwk of Array.isArray(listed) ? listed : []) {
    if (!isUsable(jwk)) continue
    try {
      keys.set(jwk.kid, pemOf(jwk))
    } catch {
      // no point of the curve
    }
  }
  if (keys.size === 0) throw new TypeError('no JWK Set with a key for access tokens')
  return keys
}

/** `alg` and `use` may be absent (RFC 7517 section 4), but not be others. */
function isUsable (jwk: unknown): jwk is JwkSet['keys'][number] {
  const alg = (jwk as { kty?: unknown } | null)?.kty === 'EC' ? 'ES256' : 'EdDSA'
  return Value.Check(JwkSchema, { alg, use: 'sig', ...jwk as object })
}

/**
 * Keeps the JWK Set (RFC 7517) of the auth service in memory. It is fetched at once, then every 12 s, and early for an
 * unknown key id: at most once in 30 s, and never twice at a time. While auth is away the last keys stay good, and a
 * token of an unknown key is a 503, not a 401.
 */
export function remoteKeys (
  { authUrls, log }: { authUrls: readonly string[], log: FastifyBaseLogger }
): RemoteKeySource {
  let keys = new Map<string, string>()
  let issuedTtl: number | undefined
  let loadedAt: number | undefined
  /** The cause of the last fetch's failure; undefined after a success. */
  let fault: unknown
  let lastEarlyFetch = -Infinity
  let underWay: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const ready = Promise.withResolvers<void>()

  async function fetchFrom (origin: string) {
    const { status, headers, body } = await directGet(`${origin}/.well-known/jwks.json`, {
      timeoutMs: FETCH_TIMEOUT_MS
    })
    if (status !== 200) throw new TypeError(`status ${status} in place of a JWK Set`)
    keys = usableKeys(JSON.parse(body))
    const ttl = Number(headers[TOKEN_LIFETIME_HEADER] ?? NaN)
    issuedTtl = Number.isInteger(ttl) ? ttl : undefined
  }

  async function load () {
    let cause: unknown
    for (const origin of authUrls) {
      try {
        await fetchFrom(origin)
        loadedAt = performance.now()
        fault = undefined
        ready.resolve()
        return
      } catch (error) {
        cause = error
      }
    }
    if (fault === undefined) log.warn({ err: cause }, 'the keys of access tokens cannot be fetched; retrying')
    fault = cause
  }

  function refresh () {
    underWay ??= load().finally(() => {
      underWay = undefined
      clearTimeout(timer)
      if (!stopped) timer = setTimeout(refresh, fault === undefined ? REFRESH_MS : RETRY_MS).unref()
    })
    return underWay
  }
  void refresh()

  /** A caller that comes during a fetch waits for it too: the fetch may bring the caller's key. */
  async function lookAgain () {
    const early = underWay === undefined && performance.now() - lastEarlyFetch > UNKNOWN_KEY_REFETCH_MS
    if (early) lastEarlyFetch = performance.now()
    if (early || underWay !== undefined) await refresh()
  }

  return {
    ready: ready.promise,
    get: (kid) => keys.get(kid),
    async find (kid) {
      // While fetches fail no caller waits for one; the next begins within moments.
      if (!keys.has(kid) && fault === undefined) await lookAgain()
      if (!keys.has(kid) && fault !== undefined) {
        throw new KeysUnavailableError('the keys of access tokens cannot be fetched', { cause: fault })
      }
      return keys.get(kid)
    },
    status: () => ({
      loaded: loadedAt !== undefined,
      ageSeconds: loadedAt === undefined ? Infinity : (performance.now() - loadedAt) / 1000,
      keys: keys.size,
      issuedTtl
    }),
    stop () {
      stopped = true
      clearTimeout(timer)
    }
  }
}
