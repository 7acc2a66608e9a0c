/** Work in lanes: one after the other in a lane, the lanes side by side. A lane that is empty costs nothing. */
export function createLanes<Item> (work: (item: Item) => Promise<void>) {
  const lanes = new Map<string, Item[]>()
  const running = new Set<Promise<void>>()

  async function run (key: string, lane: Item[]) {
    for (let item = lane[0]; item !== undefined; item = lane[0]) {
      await work(item)
      lane.shift()
    }
    lanes.delete(key)
  }

  return {
    add (key: string, item: Item) {
      const busy = lanes.get(key)
      if (busy) {
        busy.push(item)
        return
      }
      const lane = [item]
      lanes.set(key, lane)
      const done = run(key, lane).finally(() => running.delete(done))
      running.add(done)
    },
    /** Resolves when all lanes are empty. */
    async idle () {
      while (running.size > 0) await Promise.all(running)
    }
  }
}

/** At most `count` at a time; the rest wait in the order in which they came. */
export function createSlots (count: number) {
  let free = count
  const waiting: (() => void)[] = []
  return {
    async run<Result> (work: () => Promise<Result> | Result): Promise<Result> {
      if (free > 0) free--
      else await new Promise<void>((resolve) => { waiting.push(resolve) })
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else free++
      }
    }
  }
}
