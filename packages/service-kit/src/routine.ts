import type { FastifyBaseLogger } from 'fastify'

export interface RoutineOptions {
  /** The routine's name in the log. */
  name: string
  everyMs: number
  work: () => Promise<void>
  log: FastifyBaseLogger
}

export interface Routine {
  /** Runs the work at once, and from then on every `everyMs`. */
  start (): void
  /**
   * Asks for a run now, or for another one after the present run. Does nothing before the start, which runs the work
   * anyway.
   */
  wake (): void
  /** Waits for the present run and starts no other. */
  stop (): Promise<void>
}

/** Work that runs again and again, never twice at a time. A failure is logged, and the next run tries again. */
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
