/** Remembers the events that were dealt with, so that at-least-once becomes once. */
export interface Dedupe {
  /**
   * Does the work unless it was done for this id before; resolves with whether it was done now. A failure is not
   * remembered.
   */
  once (event: { id: string }, work: () => Promise<void> | void): Promise<boolean>
  readonly size: number
}

/**
 * In the memory of this process, for the last `max` events at least and twice as many at most; enough against
 * redelivery. Against a restart keep the id in the database of your effect, in the same transaction.
 */
export function createDedupe ({ max = 100_000 }: { max?: number } = {}): Dedupe {
  let young = new Set<string>()
  let old = new Set<string>()
  return {
    async once (event, work) {
      if (young.has(event.id) || old.has(event.id)) return false
      await work()
      if (young.size >= max) {
        old = young
        young = new Set()
      }
      young.add(event.id)
      return true
    },
    get size () { return young.size + old.size }
  }
}
