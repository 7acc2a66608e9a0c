/** A timer that is set for longer fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A bound in time, by a clock that nobody sets. */
export interface Deadline {
  /** Milliseconds that are left. */
  remaining (): number
}

export function deadlineIn (ms: number): Deadline {
  const end = performance.now() + ms
  return { remaining: () => end - performance.now() }
}

/** Milliseconds that a timer can take, or `Infinity`. Throws for what is no time. */
export function timeoutFrom (ms: number): number {
  if (!(ms > 0)) throw new TypeError(`timeoutMs is a number above 0, or Infinity for no limit, not ${ms}`)
  return ms === Infinity ? ms : Math.min(ms, LONGEST_TIMER_MS)
}

/** Aborted together with the outer signal. Forgets the outer one when told to, for it may live much longer. */
export function scopeOf (outer: AbortSignal | undefined): { controller: AbortController, leave: () => void } {
  const controller = new AbortController()
  const abort = () => controller.abort(outer!.reason)
  if (outer?.aborted) abort()
  outer?.addEventListener('abort', abort)
  return { controller, leave: () => outer?.removeEventListener('abort', abort) }
}

/** Rejects with the signal's reason when it is aborted. */
export async function sleep (ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const { controller, leave } = scopeOf(signal)
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS))
      controller.signal.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(controller.signal.reason)
      })
    })
  } finally {
    leave()
  }
}

/** The promise's outcome, or the signal's reason if that comes first; the work itself goes on. */
export async function orAborted<T> (work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  signal.throwIfAborted()
  const { controller, leave } = scopeOf(signal)
  try {
    return await Promise.race([
      work,
      new Promise<never>((_resolve, reject) => {
        controller.signal.addEventListener('abort', () => reject(controller.signal.reason))
      })
    ])
  } finally {
    leave()
  }
}
