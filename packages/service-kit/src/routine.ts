import { type FastifyBaseLogger } from 'fastify'

export interface RoutineOptions {
  /** For the log. */
  name: string
  everyMs: number
  work: () => Promise<void>
  log: FastifyBaseLogger
}

export interface Routine {
  /** Asks for a run now, or for another one after the present run. */
  wake (): void
  /** Waits for the present run and starts no other. */
  stop (): Promise<void>
}

/** Does the work at once and then again and again, never twice at the same time. A failure is logged, and tried again in time. */
export function startRoutine ({ name, everyMs, work, log }: RoutineOptions): Routine {
  let running: Promise<void> | undefined
  let again = false
  const stopping = new AbortController()

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
    if (stopping.signal.aborted) return
    again = true
    running ??= run()
  }
  const timer = setInterval(wake, everyMs).unref()
  wake()
  return {
    wake,
    async stop () {
      stopping.abort()
      clearInterval(timer)
      await running
    }
  }
}
