import { type Deadline, sleep } from './deadline.ts'
import { NetworkError, ProblemError } from './errors.ts'

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5_000

/**
 * Milliseconds to wait before the next attempt, or undefined where none helps. Waits grow and differ at random, so that
 * clients that failed together do not come again together.
 */
export function waitBefore (error: unknown, failures: number): number | undefined {
  const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS) * (0.5 + Math.random() / 2)
  if (error instanceof NetworkError) return error.status === undefined || error.status >= 500 ? wait : undefined
  if (!(error instanceof ProblemError)) return undefined
  const { status, retryAfter } = error
  if (retryAfter !== undefined) return retryAfter * 1_000 + wait
  return status >= 500 || status === 408 || status === 429 ? wait : undefined
}

/** Repeats the work while waiting helps and fits before the deadline. */
export async function withRetries<Result> (
  work: () => Promise<Result>,
  { deadline, signal }: { deadline: Deadline, signal: AbortSignal | undefined }
): Promise<Result> {
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      const wait = waitBefore(error, failures)
      if (wait === undefined || wait >= deadline.remaining()) throw error
      await sleep(wait, signal)
    }
  }
}
