import type { Logger } from 'pino'

const FIRST_PAUSE_MS = 50
const MAX_PAUSE_MS = 1_000

/** Pauses for trouble that is the broker's and no single row's: everything waits a little, longer each time. */
export function createHesitation (log: Logger, resume: () => void) {
  let pause = 0
  let until = 0
  let timer: NodeJS.Timeout | undefined
  let complained = false

  return {
    get over () { return performance.now() >= until },
    begin (reason: string) {
      if (!complained) log.warn({ reason }, 'publishing is interrupted; events wait in the outbox')
      complained = true
      if (performance.now() < until) return
      pause = Math.min(MAX_PAUSE_MS, pause * 2 || FIRST_PAUSE_MS)
      until = performance.now() + pause
      clearTimeout(timer)
      timer = setTimeout(resume, pause + 1)
    },
    /** All is well: the next trouble begins with the shortest pause. */
    end () {
      pause = 0
      if (complained) log.info('publishing again')
      complained = false
    },
    /** The trouble may be over; ask again now. */
    cutShort () { until = 0 },
    stop () { clearTimeout(timer) }
  }
}
