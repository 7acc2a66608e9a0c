import type { FastifyBaseLogger } from 'fastify'

export interface RoutineOptions {
  /** For the log. */
  name: string
  everyMs: number
  work: () => Promise<void>
  log: FastifyBaseLogger
}

export interface Routine {
  /** Does the work at once, and from then on again and again. */
  start (): void
  /**
   * Asks for a run now, or for another one after the present run. Before the start it does nothing: that runs anyway.
   */
  wake (): void
  /** Waits for the present run and begins no other. */
  stop (): Promise<void>
}

/** Work that is done again and again, never twice at the same time. A failure is logged, and tried again in time. */
export function createRoutine ({ name, everyMs, work, log }: RoutineOptions): Routine {
  const stopping = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false

  async function run () {
    do {
      again = false
      try {
        await work()
      } catch (error) {
        log.warn({ err: error, routine: name }, 'a routine failed and is tried again later')
      }
    } while (again && !stopping.signal.aborted)
    running = undefined
  }

  function wake () {
    if (!timer || stopping.signal.aborted) return
    again = true
    running ??= run()
  }
  return {
    start () {
      timer = setInterval(wake, everyMs).unref()
      wake()
    },
    wake,
    async stop () {
      stopping.abort()
      clearInterval(timer)
      await running
    }
  }
}
