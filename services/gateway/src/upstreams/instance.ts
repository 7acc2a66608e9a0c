import { buildConnector, Pool } from 'undici'

/**
 * `up` takes calls. `slow` does not answer its probe in time, `ejected` fails more than its siblings: both take calls
 * only when no other instance is better. `down` refuses connections and takes none until a probe finds it back.
 */
export type InstanceState = 'up' | 'slow' | 'ejected' | 'down'

/** One address of a service. Times are readings of performance.now(). */
export interface Instance {
  /** Scheme, address and port: for logs and metrics. */
  readonly origin: string
  readonly pool: Pool
  /** Calls that wait for it now. */
  inFlight: number
  /** Failures of the last moments. They count as calls in flight: failing fast must not attract calls. */
  recentFailures: number
  /** Refused connections since the last answer. */
  refusals: number
  down: boolean
  /** Time of the last answer, a 5xx too. */
  lastAnswer: number
  lastGood: number
  lastFailure: number
  /** Failures since the last good answer. */
  streak: number
  /** The share of failures among the last calls, from 0 to 1: an exponentially weighted mean. */
  failureShare: number
  /** Ejections in a row, each longer than the one before. */
  ejections: number
  ejectedUntil: number
  /** For the slow start: the time of the return, and the credit saved since towards the next call. */
  backSince: number
  credit: number
  /** The result of the last probe; undefined before the first. */
  probed: 'up' | 'slow' | undefined
  /** Takes no more calls; those that it has go on. */
  retire (): Promise<unknown>
  /** Cuts the calls that are left. */
  close (): Promise<unknown>
}

const CONNECT_TIMEOUT_MS = 1_000
const MAX_CONNECTIONS = 512
/** Behind one address may be many hosts, old and new: connections that are made anew find all of them. */
const CONNECTION_AGE_MS = 60_000
const JITTER = 0.25

/**
 * One address of the service at `url`. TLS certificates are verified for the name in that URL;
 * times are the caller's business, so the pool has none.
 */
export function createInstance (url: string, address: string, connectionAgeMs = CONNECTION_AGE_MS): Instance {
  const { protocol, port, origin } = new URL(url)
  const age = () => connectionAgeMs * (1 - JITTER * Math.random())
  let pool = createPool(origin, address)
  let timer = setTimeout(renew, age()).unref()
  /** Pools whose last calls are still under way. */
  const old = new Set<Pool>()

  /** New calls get new connections; the old ones are closed when their calls are over. */
  function renew () {
    void closeGently(pool)
    pool = createPool(origin, address)
    timer = setTimeout(renew, age()).unref()
  }

  function closeGently (pool: Pool) {
    const drop = () => { old.delete(pool) }
    old.add(pool)
    return pool.close().then(drop, drop)
  }

  return {
    origin: `${protocol}//${address.includes(':') ? `[${address}]` : address}${port && `:${port}`}`,
    get pool () { return pool },
    inFlight: 0,
    recentFailures: 0,
    refusals: 0,
    down: false,
    lastAnswer: -Infinity,
    lastGood: -Infinity,
    lastFailure: -Infinity,
    streak: 0,
    failureShare: 0,
    ejections: 0,
    ejectedUntil: -Infinity,
    backSince: -Infinity,
    credit: 0,
    probed: undefined,
    retire () {
      clearTimeout(timer)
      return closeGently(pool)
    },
    close () {
      clearTimeout(timer)
      return Promise.all([pool, ...old].map((pool) => pool.destroy()))
    }
  }
}

export function stateOf ({ down, ejectedUntil, probed }: Instance, now: number): InstanceState {
  if (down) return 'down'
  if (ejectedUntil > now) return 'ejected'
  return probed === 'slow' ? 'slow' : 'up'
}

function createPool (origin: string, address: string) {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS })
  return new Pool(origin, {
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 32_768,
    connect: (options, callback) => connect({ ...options, hostname: address }, callback)
  })
}
