import { createPublicKey } from 'node:crypto'
import { Value } from '@sinclair/typebox/value'
import { JwkSetSchema, type JwkSet } from '@gatepost/contracts/auth/schemas'
import type { FastifyBaseLogger } from 'fastify'
import { directGet } from './direct-get.ts'

/** Where the public keys of access tokens come from. */
export interface KeySource {
  /** The key as PEM (SPKI); undefined when there is none of that id. Rejects when the keys cannot be had. */
  find (kid: string): string | undefined | Promise<string | undefined>
  /** The same of what is known right now, without a look anywhere else. */
  get (kid: string): string | undefined
}

/** Keys could not be had from anywhere, so no token can be judged: 503 rather than 401. */
export class KeysUnavailableError extends Error {
  override name = 'KeysUnavailableError'
}

export interface RemoteKeySource extends KeySource {
  /** Resolves once keys are there. */
  ready: Promise<void>
  status (): { loaded: boolean, ageSeconds: number, keys: number }
  stop (): void
}

/** A key added or removed must count within 30 seconds everywhere. */
const REFRESH_MS = 12_000
const RETRY_MS = 100
const UNKNOWN_KEY_REFETCH_MS = 30_000
const FETCH_TIMEOUT_MS = 3_000

/** Public keys by id. A Map, because an id such as `constructor` must find nothing. */
export function keysOf (jwks: JwkSet): Map<string, string> {
  return new Map(jwks.keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string]))
}

/**
 * Keeps the JWK Set (RFC 7517) of the auth service in memory: fetched at once, then every 12 s, and early for an
 * unknown key id, at most once in 30 s and never twice at the same time. While auth is away the last keys stay good.
 */
export function remoteKeys ({ authUrls, log }: { authUrls: readonly string[], log: FastifyBaseLogger }): RemoteKeySource {
  let keys = new Map<string, string>()
  let loadedAt = 0
  let lastEarlyFetch = -Infinity
  let underWay: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const ready = Promise.withResolvers<void>()

  async function fetchFrom (origin: string) {
    const { status, body } = await directGet(`${origin}/.well-known/jwks.json`, { timeoutMs: FETCH_TIMEOUT_MS })
    const document = JSON.parse(body)
    if (status !== 200 || !Value.Check(JwkSetSchema, document) || document.keys.length === 0) throw new TypeError(`not a JWK Set (status ${status})`)
    return keysOf(document)
  }

  async function load () {
    let cause: unknown
    for (const origin of authUrls) {
      try {
        keys = await fetchFrom(origin)
        loadedAt = Date.now()
        ready.resolve()
        return
      } catch (error) {
        cause = error
      }
    }
    throw new KeysUnavailableError('the keys of access tokens cannot be fetched', { cause })
  }

  function refresh () {
    underWay ??= load().finally(() => { underWay = undefined })
    return underWay
  }

  async function poll (wasUp: boolean) {
    const up = await refresh().then(() => true, (error: Error) => {
      if (wasUp) log.warn({ err: error.cause }, error.message)
      return false
    })
    if (!stopped) timer = setTimeout(poll, up ? REFRESH_MS : RETRY_MS, up).unref()
  }
  void poll(true)

  return {
    ready: ready.promise,
    get: (kid) => keys.get(kid),
    async find (kid) {
      const key = keys.get(kid)
      if (key !== undefined) return key
      if (loadedAt === 0) await refresh()
      else {
        const early = underWay === undefined && Date.now() - lastEarlyFetch > UNKNOWN_KEY_REFETCH_MS
        if (early) lastEarlyFetch = Date.now()
        // Also who comes while keys are on their way waits for them: theirs may be among them.
        if (early || underWay !== undefined) await refresh().catch((error: Error) => log.warn({ err: error.cause }, error.message))
      }
      return keys.get(kid)
    },
    status: () => ({ loaded: loadedAt > 0, ageSeconds: loadedAt ? (Date.now() - loadedAt) / 1000 : Infinity, keys: keys.size }),
    stop () {
      stopped = true
      clearTimeout(timer)
    }
  }
}
