export interface Counter {
  count: number
  endsAt: number
}

/**
 * Counters by key, from which the oldest can be taken in constant time. One iterator is kept for good: a new one would
 * walk over everything that was deleted before the first that is left, which a flood of addresses makes a long way.
 */
export function createCounterTable () {
  const counters = new Map<string, Counter>()
  let entries = counters.entries()
  let first: [string, Counter] | undefined

  /** The oldest, which stays where it is. */
  function oldest (): [string, Counter] | undefined {
    while (first === undefined || counters.get(first[0]) !== first[1]) {
      if (counters.size === 0) return undefined
      const next = entries.next()
      if (next.done) entries = counters.entries()
      else first = next.value
    }
    return first
  }

  return {
    get: (key: string) => counters.get(key),
    set: (key: string, counter: Counter) => { counters.set(key, counter) },
    delete: (key: string) => { counters.delete(key) },
    deleteOldest () {
      const found = oldest()
      if (found) counters.delete(found[0])
    },
    /** At most two at a time: the work of a request stays constant, and the table still shrinks faster than it grows. */
    dropEnded (now: number) {
      for (let dropped = 0; dropped < 2; dropped++) {
        const found = oldest()
        if (found === undefined || found[1].endsAt > now) return
        counters.delete(found[0])
      }
    },
    get size () { return counters.size }
  }
}

export type CounterTable = ReturnType<typeof createCounterTable>
