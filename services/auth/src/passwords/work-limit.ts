import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'

export interface WorkLimitOptions {
  /** The most that run at once. */
  concurrency: number
  /** The most that wait for a place. */
  queue: number
  /** The longest expected wait, by the present duration of work; longer ones are refused at once. */
  maxWaitMs: number
}

export interface WorkLimit {
  /**
   * Runs the work when a place is free. Throws OVERLOADED at once, with the expected wait as Retry-After, when that is
   * too long.
   */
  run <T> (work: () => Promise<T>): Promise<T>
  /** Runs the work when a place is free now, otherwise returns undefined. For work that can wait for another time. */
  runIfFree <T> (work: () => Promise<T>): Promise<T> | undefined
  /** Number of waiters. */
  waiting (): number
  /** Number of refusals. */
  refused (): number
}

/** Weight of the newest duration in the running mean. */
const WEIGHT = 0.1

/** Bounds the work that runs and the work that waits: more would only make every answer too late. */
export function createWorkLimit ({ concurrency, queue, maxWaitMs }: WorkLimitOptions): WorkLimit {
  const waiters: Array<() => void> = []
  let running = 0
  let refusals = 0
  let meanMs = 0

  async function place () {
    if (running < concurrency) {
      running++
      return
    }
    const expectedMs = (waiters.length + 1) * meanMs / concurrency
    if (waiters.length >= queue || expectedMs > maxWaitMs) {
      refusals++
      throw new ProblemError('OVERLOADED', { headers: retryAfter(expectedMs / 1000) })
    }
    await new Promise<void>((resolve) => { waiters.push(resolve) })
  }

  async function run<T> (work: () => Promise<T>) {
    await place()
    const start = performance.now()
    try {
      return await work()
    } finally {
      meanMs += WEIGHT * (performance.now() - start - meanMs)
      const next = waiters.shift()
      if (next) next()
      else running--
    }
  }
  return {
    run,
    runIfFree: (work) => running < concurrency ? run(work) : undefined,
    waiting: () => waiters.length,
    refused: () => refusals
  }
}
