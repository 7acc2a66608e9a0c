import { setImmediate as nextTurn } from 'node:timers/promises'

const AT_ONCE = 100

/** Wakes all waiting readers, a hundred in each turn of the event loop. */
export function createBell () {
  let waiting = new Set<() => void>()
  let ringing = false
  let again = false

  return {
    /** Resolves at the next ring, or when the signal is aborted. */
    async wait (signal: AbortSignal) {
      if (signal.aborted) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const set = waiting
      const wake = () => {
        set.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      set.add(wake)
      signal.addEventListener('abort', wake)
      await promise
    },

    async ring () {
      again = true
      if (ringing) return
      ringing = true
      while (again) {
        again = false
        const round = waiting
        waiting = new Set()
        let woken = 0
        for (const wake of round) {
          if (woken++ % AT_ONCE === 0) await nextTurn()
          wake()
        }
      }
      ringing = false
    }
  }
}
