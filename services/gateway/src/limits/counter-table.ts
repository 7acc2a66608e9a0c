export interface Counter {
  count: number
  endsAt: number
}

interface Place {
  key: string
  counter: Counter
  older?: Place
  newer?: Place
}

/**
 * Counters by key in the order in which they came, from which any and the oldest is taken in constant time. Linked, as
 * an iterator over a Map either walks over all that was deleted, or keeps every table that the Map has outgrown.
 */
export function createCounterTable () {
  const places = new Map<string, Place>()
  let oldest: Place | undefined
  let newest: Place | undefined

  function remove (key: string) {
    const place = places.get(key)
    if (place === undefined) return
    places.delete(key)
    const { older, newer } = place
    if (older) older.newer = newer
    else oldest = newer
    if (newer) newer.older = older
    else newest = older
    // or dead places that have grown old keep later ones from being collected young
    place.older = place.newer = undefined
  }

  return {
    get: (key: string) => places.get(key)?.counter,
    /** The newest from now on. */
    set (key: string, counter: Counter) {
      remove(key)
      const place: Place = { key, counter, older: newest }
      places.set(key, place)
      if (newest) newest.newer = place
      else oldest = place
      newest = place
    },
    delete: remove,
    deleteOldest () {
      if (oldest) remove(oldest.key)
    },
    /**
     * At most two at a time: the work of a request stays constant, and the table still shrinks faster than it grows.
     */
    dropEnded (now: number) {
      for (let dropped = 0; dropped < 2; dropped++) {
        if (oldest === undefined || oldest.counter.endsAt > now) return
        remove(oldest.key)
      }
    },
    get size () { return places.size }
  }
}

export type CounterTable = ReturnType<typeof createCounterTable>
