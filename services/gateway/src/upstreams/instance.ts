import { errors, Pool } from 'undici'

/**
 * `up` takes requests. `slow` did not answer in time lately and takes them only when no other instance is better.
 * `down` refuses connections and takes none until a probe finds it back.
 */
export type InstanceState = 'up' | 'slow' | 'down'

export interface Instance {
  readonly origin: string
  readonly pool: Pool
  state: InstanceState
  /** Requests that are waiting for this instance now. */
  inFlight: number
  /** Requests since the last good one that broke off or were not answered in time. */
  failures: number
  /** Told of every new state. */
  readonly onChange: (instance: Instance) => void
}

const CONNECT_TIMEOUT_MS = 1_000
const MAX_CONNECTIONS = 512
/** Its circuit opens after as many failures in a row. */
const MAX_FAILURES = 5
const PROBE_EVERY_MS = 250
/** Together with the pause before it less than a second, the time in which a dead instance must be left out. */
const PROBE_TIMEOUT_MS = 650
const TIMER_TOLERANCE_MS = 50
const BROKE_OFF = /^(?:UND_ERR_SOCKET|ECONNRESET|EPIPE)$/

/** Whether a call failed after its connection was made: somebody is there. */
export function brokeOff (error: Error & { code?: string }) {
  return error instanceof errors.HTTPParserError || BROKE_OFF.test(error.code ?? '')
}

/** One process of a service. TLS certificates are verified; times are the caller's business, so the pool has none. */
export function createInstance (url: string, onChange: Instance['onChange']): Instance {
  const { origin } = new URL(url)
  const pool = new Pool(origin, { connections: MAX_CONNECTIONS, pipelining: 1, connectTimeout: CONNECT_TIMEOUT_MS, headersTimeout: 0, bodyTimeout: 0, maxHeaderSize: 32_768 })
  return { origin, pool, state: 'up', inFlight: 0, failures: 0, onChange }
}

export function recordSuccess (instance: Instance) {
  instance.failures = 0
}

/** A connection that could not be made says that nobody is there; anything else must happen several times in a row. */
export function recordFailure (instance: Instance, connected: boolean) {
  instance.failures++
  if (!connected) change(instance, 'down')
  else if (instance.failures >= MAX_FAILURES && instance.state === 'up') change(instance, 'slow')
}

function change (instance: Instance, state: InstanceState) {
  if (instance.state === state) return
  instance.state = state
  instance.onChange(instance)
}

/** Asks an instance for `/live` for as long as the gateway runs, so that it leaves and comes back within a second. */
export function watchInstance (instance: Instance) {
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function probe () {
    const found = await askLive(instance)
    if (stopped) return
    if (found === 'up') instance.failures = 0
    if (found) change(instance, found)
    timer = setTimeout(probe, PROBE_EVERY_MS).unref()
  }
  void probe()

  return function stop () {
    stopped = true
    clearTimeout(timer)
  }
}

/** Undefined when the timer was late itself: then it was this process that had no time, and nothing is known. */
async function askLive ({ pool }: Instance): Promise<InstanceState | undefined> {
  const late = new AbortController()
  const latest = performance.now() + PROBE_TIMEOUT_MS + TIMER_TOLERANCE_MS
  const timer = setTimeout(() => late.abort(), PROBE_TIMEOUT_MS)
  try {
    const { statusCode, body } = await pool.request({ path: '/live', method: 'GET', signal: late.signal })
    await body.dump()
    return statusCode === 200 ? 'up' : 'slow'
  } catch (error) {
    if (!late.signal.aborted) return brokeOff(error as Error) ? 'slow' : 'down'
    return performance.now() > latest ? undefined : 'slow'
  } finally {
    clearTimeout(timer)
  }
}
