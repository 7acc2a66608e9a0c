import type { Batch, LiveItem } from './item.ts'

/** The newest items of the stream in memory, bounded in bytes. */
export function createRecent<Item extends LiveItem> (maxBytes: number, batchBytes: number) {
  let items: Item[] = []
  let bytes = 0
  /** Nothing between the two sequences is missing here; undefined until the stream has been reached. */
  let complete: { after: number, upTo: number } | undefined
  /** By subject: the sequence before which its items are handed out no more. */
  const erased = new Map<string, number>()

  function makeRoom () {
    let count = 0
    for (; bytes > maxBytes * 7 / 8 && count < items.length; count++) {
      const { bytes: size, subject, sequence } = items[count]!
      bytes -= size
      if (erased.get(subject) === sequence) erased.delete(subject)
      complete!.after = sequence
    }
    items = items.slice(count)
  }

  /** Index of the first item after a sequence. */
  function indexAfter (sequence: number) {
    let [low, high] = [0, items.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (items[middle]!.sequence > sequence) high = middle
      else low = middle + 1
    }
    return low
  }

  return {
    /** The sequence before the first one that is complete here. */
    get after () { return complete?.after },
    /** The newest sequence seen. */
    get last () { return complete?.upTo },

    begin (sequence: number) {
      items = []
      bytes = 0
      erased.clear()
      complete = { after: sequence, upTo: sequence }
    },

    /**
     * Sequences without an item count as seen. An item that erases takes its subject's earlier items, which are erased
     * from the stream too.
     */
    add (sequence: number, item: Item | undefined, erases: boolean) {
      complete!.upTo = sequence
      if (!item) return
      items.push(item)
      bytes += item.bytes
      if (erases) erased.set(item.subject, sequence)
      if (bytes > maxBytes) makeRoom()
    },

    /** The next batch after a sequence; undefined where it is not complete here. */
    batchAfter (sequence: number): Batch<Item> | undefined {
      if (complete === undefined || sequence < complete.after || sequence > complete.upTo) return undefined
      const batch: Item[] = []
      let at = indexAfter(sequence)
      for (let size = 0; at < items.length && size < batchBytes; at++) {
        const item = items[at]!
        if (item.sequence < (erased.get(item.subject) ?? 0)) continue
        batch.push(item)
        size += item.bytes
      }
      return { items: batch, upTo: at === items.length ? complete.upTo : items[at - 1]!.sequence }
    }
  }
}
