import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'

export interface WorkLimitOptions {
  /** How many run at once. */
  concurrency: number
  /** How many may wait for a place, at most. */
  queue: number
  /** Nobody begins to wait who would have to wait longer than this, as work goes at the moment. */
  maxWaitMs: number
}

export interface WorkLimit {
  /**
   * Runs when a place is free. Throws OVERLOADED at once, with the expected wait as Retry-After, when that would be too
   * late.
   */
  run <T> (work: () => Promise<T>): Promise<T>
  /** Runs when a place is free now; undefined otherwise. For work that can as well be done another time. */
  runIfFree <T> (work: () => Promise<T>): Promise<T> | undefined
  /** How many wait for a place. */
  waiting (): number
  /** How many were refused. */
  refused (): number
}

/** The share of the newest duration in the running mean. */
const WEIGHT = 0.1

/**
 * Bounds what runs at once and what waits: work beyond that would only make everybody wait for an answer that comes too
 * late.
 */
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
