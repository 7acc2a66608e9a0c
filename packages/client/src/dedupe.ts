/** Remembers the events that were dealt with, so that at-least-once becomes once. */
export interface Dedupe {
  /** Does the work unless it was done for this id before; resolves with whether it was done now. A failure is not remembered. */
  once (event: { id: string }, work: () => Promise<void> | void): Promise<boolean>
  readonly size: number
}

/**
 * In the memory of this process, for the last `max` events; enough against redelivery. Against a restart keep the id in
 * the database of your effect, in the same transaction.
 */
export function createDedupe ({ max = 100_000 }: { max?: number } = {}): Dedupe {
  const done = new Set<string>()
  return {
    async once (event, work) {
      if (done.has(event.id)) return false
      await work()
      done.add(event.id)
      if (done.size > max) done.delete(done.values().next().value!)
      return true
    },
    get size () { return done.size }
  }
}
