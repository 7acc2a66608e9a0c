import { type KeyExchange, KEY_EXCHANGE_PATH, KeyExchangeSchema } from '@gatepost/contracts/auth/key-operations'
import { idOfApiKey, looksLikeApiKey } from '@gatepost/service-kit/api-key'
import { tokenOf } from '@gatepost/service-kit/identity'
import { createTokenTable } from '@gatepost/service-kit/identity/token-table'
import { retryAfter } from '@gatepost/service-kit/problem'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { UpstreamUnavailableError } from '../errors.ts'
import type { Limit } from '../limits/limit.ts'
import { collect } from '../upstreams/collect.ts'
import type { Upstream } from '../upstreams/upstream.ts'

/** The caller of an exchange: auth notes it as the key's last use; and the trace of the request. */
export interface KeyUser {
  address: string
  requestId: string
  traceparent: string
}

export interface KeyExchanges {
  /** What stands for a key whose access token is still held; undefined where auth has to be asked. */
  held (key: string): HeldKey | undefined
  /**
   * Exchanges a key for an access token at auth, once for any number of callers at the same time. Undefined for a key
   * that is not good; throws a 503 problem when auth cannot say.
   */
  exchange (key: string, user: KeyUser): Promise<HeldKey | undefined>
  stats: { exchanged: number, refused: number, failed: number }
}

export interface HeldKey {
  id: string
  /** The header that stands for the key. */
  authorization: string
  limit: Limit | undefined
  /** Milliseconds since the epoch. */
  until: number
}

const MAX_KEYS = 20_000
/**
 * Keys that auth did not know, apart from the good ones, so that junk cannot push those out. A key that was bad stays
 * bad.
 */
const MAX_REFUSED = 10_000
/** More keys than this are not asked about at once. */
const MAX_UNDER_WAY = 256
/** A token is let go of this long before it dies, so that none dies on its way; a tenth of a short life. */
const MARGIN_SECONDS = 5
const TIMEOUT_MS = 5_000
const answer = TypeCompiler.Compile(KeyExchangeSchema)

/** The API key of an Authorization header, well formed or not; undefined for everything else. */
export function apiKeyOf (authorization: string | undefined): string | undefined {
  const token = authorization === undefined ? undefined : tokenOf(authorization)
  return token !== undefined && looksLikeApiKey(token) ? token : undefined
}

/**
 * Takes API keys at the edge: behind it there are only access tokens, so that revocation works for keys as for
 * sessions.
 */
export function createKeyExchanges ({ auth, now = Date.now }: { auth: Upstream, now?: () => number }): KeyExchanges {
  const tokens = createTokenTable<HeldKey>(MAX_KEYS)
  const refused = createTokenTable<true>(MAX_REFUSED)
  const underWay = new Map<string, Promise<HeldKey | undefined>>()
  const stats = { exchanged: 0, refused: 0, failed: 0 }

  function unavailable () {
    stats.failed++
    return new UpstreamUnavailableError({ headers: retryAfter(1) })
  }

  async function ask (key: string, { address, requestId, traceparent }: KeyUser): Promise<HeldKey | undefined> {
    const headers = [
      'authorization',
      `Bearer ${key}`,
      'x-forwarded-for',
      address,
      'x-request-id',
      requestId,
      'traceparent',
      traceparent
    ]
    const outcome = await collect(auth, { method: 'GET', path: KEY_EXCHANGE_PATH, headers, timeoutMs: TIMEOUT_MS })
      .answer
    if (typeof outcome !== 'object' || (outcome.status !== 200 && outcome.status !== 401)) throw unavailable()
    if (outcome.status === 401) {
      stats.refused++
      refused.add(key, true)
      return undefined
    }
    const exchange = read(outcome.body)
    if (!exchange) throw unavailable()
    stats.exchanged++
    const { accessToken, expiresIn, limit } = exchange
    const held: HeldKey = {
      id: idOfApiKey(key)!,
      authorization: `Bearer ${accessToken}`,
      limit: limit && { name: 'key', by: 'key', max: limit.max, windowMs: limit.windowSeconds * 1000 },
      until: now() + (expiresIn - Math.min(MARGIN_SECONDS, expiresIn / 10)) * 1000
    }
    tokens.delete(key)
    tokens.add(key, held)
    return held
  }

  return {
    stats,
    held (key) {
      const held = tokens.get(key)
      return held !== undefined && now() < held.until ? held : undefined
    },
    async exchange (key, user) {
      if (idOfApiKey(key) === undefined || refused.get(key)) return undefined
      const known = underWay.get(key)
      if (known) return known
      if (underWay.size >= MAX_UNDER_WAY) throw unavailable()
      const asking = ask(key, user).finally(() => underWay.delete(key))
      underWay.set(key, asking)
      return asking
    }
  }
}

function read (body: Buffer): KeyExchange | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return answer.Check(value) ? value : undefined
  } catch {
    return undefined // not JSON: nothing that auth says
  }
}
