import { faultOf } from './faults.ts'
import type { Instance } from './instance.ts'
import { recordAnswer, recordRefusal } from './outliers.ts'

const PROBE_EVERY_MS = 250
/** A refusal is looked into at once: it may be one host of several. */
const AFTER_REFUSAL_MS = 50
/** Together with the pause before it less than a second, the time in which a dead instance must be left out. */
const PROBE_TIMEOUT_MS = 650
const TIMER_TOLERANCE_MS = 50

/**
 * Asks an instance for `/live` for as long as the gateway runs, so that it leaves and comes back within a second. A
 * good answer says that it is there, not that its calls go well. `onProbe` is told after each.
 */
export function watchInstance (instance: Instance, onProbe: () => void) {
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function probe () {
    const found = await askLive(instance)
    if (stopped) return
    const now = performance.now()
    if (found === 'refused') {
      recordRefusal(instance, now)
      instance.probed ??= 'slow'
    } else {
      if (found === 'up' || found === 'failing') recordAnswer(instance, now)
      if (found !== 'unknown') instance.probed = found === 'up' ? 'up' : 'slow'
    }
    instance.recentFailures >>= 1
    onProbe()
    timer = setTimeout(probe, found === 'refused' && !instance.down ? AFTER_REFUSAL_MS : PROBE_EVERY_MS).unref()
  }
  void probe()

  return function stop () {
    stopped = true
    clearTimeout(timer)
  }
}

/** `unknown` when it was this process that had no time or no socket. */
async function askLive ({ pool }: Instance): Promise<'up' | 'failing' | 'late' | 'refused' | 'unknown'> {
  const late = new AbortController()
  const latest = performance.now() + PROBE_TIMEOUT_MS + TIMER_TOLERANCE_MS
  const timer = setTimeout(() => late.abort(), PROBE_TIMEOUT_MS)
  try {
    const { statusCode, body } = await pool.request({ path: '/live', method: 'GET', signal: late.signal })
    await body.dump()
    return statusCode === 200 ? 'up' : 'failing'
  } catch (error) {
    if (late.signal.aborted) return performance.now() > latest ? 'unknown' : 'late'
    const fault = faultOf(error as Error)
    return fault === 'local' ? 'unknown' : fault === 'refused' ? 'refused' : 'failing'
  } finally {
    clearTimeout(timer)
  }
}
