import { type Delivery, versionOf } from './delivery.ts'

/** Longer than the acknowledgement wait, after which the events of a killed replica come to another one. */
const PATIENCE_MS = 3_000
/** More do not wait here, so that there is room for the events that they wait for. */
const MAX_WAITING = 256

export type EarlyEvents = ReturnType<typeof createEarlyEvents>

/** Events that came before the version that they follow. They wait here for a while, then they are given back. */
export function createEarlyEvents () {
  const waiting = new Set<Delivery>()

  return {
    /** Whether there is room and time left for the event. */
    mayWait (delivery: Delivery) {
      delivery.waitsSince ??= performance.now()
      return performance.now() - delivery.waitsSince < PATIENCE_MS && waiting.size < MAX_WAITING
    },
    add (delivery: Delivery) {
      waiting.add(delivery)
    },
    /** Takes out the events of an aggregate, in the order of their versions; without an aggregate the first of each. */
    take (key?: string): Delivery[] {
      const seen = new Set<string>()
      const taken = [...waiting].sort((a, b) => versionOf(a) - versionOf(b)).filter((delivery) => {
        if (key !== undefined) return delivery.key === key
        const isFirst = !seen.has(delivery.key)
        seen.add(delivery.key)
        return isFirst
      })
      for (const delivery of taken) waiting.delete(delivery)
      return taken
    },
    [Symbol.iterator]: () => waiting.values()
  }
}
