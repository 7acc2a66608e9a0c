import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'

export interface WorkLimit {
  /** Runs when a place is free. Throws OVERLOADED at once when too many wait already. */
  run <T> (work: () => Promise<T>): Promise<T>
  /** How many wait for a place. */
  waiting (): number
}

/** Bounds what runs at once and what waits: work beyond that would only make everybody wait for an answer that comes too late. */
export function createWorkLimit ({ concurrency, queue, retryAfterSeconds }: { concurrency: number, queue: number, retryAfterSeconds: number }): WorkLimit {
  const waiters: Array<() => void> = []
  let running = 0

  async function run<T> (work: () => Promise<T>) {
    if (running < concurrency) running++
    else if (waiters.length >= queue) throw new ProblemError('OVERLOADED', { headers: retryAfter(retryAfterSeconds) })
    else await new Promise<void>((resolve) => { waiters.push(resolve) })
    try {
      return await work()
    } finally {
      const next = waiters.shift()
      if (next) next()
      else running--
    }
  }
  return { run, waiting: () => waiters.length }
}
