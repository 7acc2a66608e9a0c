/** How late a deadline may be noticed; next to seconds that calls are given, it is nothing. */
const TICK_MS = 20

export interface Deadline {
  /** Of `performance.now()`. */
  expiresAt: number
  timedOut (): void
}

/**
 * The deadlines of all calls under one timer. One timer for each call costs more than all else that is done about a
 * deadline, because nearly every one is taken back long before it is due.
 */
const pending = new Set<Deadline>()
let ticking: NodeJS.Timeout | undefined

export function watchDeadline (deadline: Deadline) {
  pending.add(deadline)
  ticking ??= setInterval(tick, TICK_MS)
}

export function forgetDeadline (deadline: Deadline) {
  pending.delete(deadline)
}

function tick () {
  const now = performance.now()
  for (const deadline of pending) {
    if (deadline.expiresAt > now) continue
    pending.delete(deadline)
    deadline.timedOut()
  }
  if (pending.size > 0) return
  clearInterval(ticking)
  ticking = undefined
}
