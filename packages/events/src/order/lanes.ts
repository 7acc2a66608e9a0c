interface Lane<Item> {
  items: Item[]
  busy: boolean
}

/**
 * Items by key. At most one item of a key is handed out at a time, in the order in which they were added; different
 * keys go side by side. So an aggregate's events stay in order, whatever happens to one of them.
 */
export function createLanes<Item> (keyOf: (item: Item) => string) {
  const lanes = new Map<string, Lane<Item>>()
  const ready = new Set<Lane<Item>>()
  let size = 0

  return {
    /** Items that wait or are handed out. */
    get size () { return size },
    add (item: Item) {
      size++
      const lane = lanes.get(keyOf(item))
      if (lane) {
        lane.items.push(item)
        return
      }
      const created = { items: [item], busy: false }
      lanes.set(keyOf(item), created)
      ready.add(created)
    },
    /** The next item whose key has none out. */
    take (): Item | undefined {
      const [lane] = ready
      if (!lane) return undefined
      ready.delete(lane)
      lane.busy = true
      return lane.items[0]
    },
    /** The item is done; its key may go on. */
    finish (item: Item) {
      const lane = lanes.get(keyOf(item))!
      lane.items.shift()
      lane.busy = false
      size--
      if (lane.items.length > 0) ready.add(lane)
      else lanes.delete(keyOf(item))
    },
    /** The item must be taken again before any other of its key. */
    giveBack (item: Item) {
      const lane = lanes.get(keyOf(item))!
      lane.busy = false
      ready.add(lane)
    },
    /** Forgets and returns waiting items, of one key or of all. Items that are handed out stay until they finish. */
    forget (key?: string): Item[] {
      const forgotten: Item[] = []
      for (const [id, lane] of key === undefined ? lanes : [[key, lanes.get(key)] as const]) {
        if (!lane) continue
        const gone = lane.items.splice(lane.busy ? 1 : 0)
        size -= gone.length
        forgotten.push(...gone)
        if (lane.busy) continue
        lanes.delete(id)
        ready.delete(lane)
      }
      return forgotten
    }
  }
}
