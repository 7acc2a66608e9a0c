import { createLanes } from '../order/lanes.ts'
import type { WaitingRow } from './outbox-store.ts'

export type HeldRows = ReturnType<typeof createHeldRows>

/** Rows that this process has from the outbox: waiting, in flight, or acknowledged and not yet marked. */
export function createHeldRows () {
  const lanes = createLanes<WaitingRow>((row) => row.aggregateId)
  const ids = new Set<string>()
  let newest = 0n
  /** Rows marked while the outbox is being read; undefined while it is not. */
  let markedMeanwhile: WaitingRow[] | undefined

  function drop (rows: WaitingRow[]) {
    for (const { id } of rows) ids.delete(id)
  }

  return {
    /** Rows that wait or are in flight. */
    get size () { return lanes.size },
    get ids (): ReadonlySet<string> { return ids },
    /** The highest id added since the last `forget`. */
    get newest () { return newest },
    add (row: WaitingRow) {
      ids.add(row.id)
      lanes.add(row)
      if (BigInt(row.id) > newest) newest = BigInt(row.id)
    },
    /** The next row whose aggregate has none in flight. */
    take: lanes.take,
    /** The row must be taken again before any other of its aggregate. */
    giveBack: lanes.giveBack,
    /** The row is acknowledged, and held until it is marked. */
    finish: lanes.finish,
    /** The row in flight is left to the outbox. */
    leave (row: WaitingRow) {
      lanes.finish(row)
      ids.delete(row.id)
    },
    /** All rows of the aggregate are left to the outbox; the row in flight stays held until `release`. */
    leaveAggregate (row: WaitingRow) {
      lanes.finish(row)
      drop(lanes.forget(row.aggregateId))
    },
    release (row: WaitingRow) {
      ids.delete(row.id)
    },
    /** All rows that wait are left to the outbox. */
    forget () {
      newest = 0n
      drop(lanes.forget())
    },
    marked (rows: WaitingRow[]) {
      if (markedMeanwhile) markedMeanwhile.push(...rows)
      else drop(rows)
    },
    /** Holds marked rows for the time of a reading, which may still show them as unpublished. */
    async whileReading (read: () => Promise<void>) {
      markedMeanwhile = []
      try {
        await read()
      } finally {
        drop(markedMeanwhile)
        markedMeanwhile = undefined
      }
    }
  }
}
