import type { Logger } from 'pino'
import type { OutboxStore, WaitingRow } from './outbox-store.ts'

/** A row that is refused this often is refused for good. */
const MAX_REFUSALS = 3
const READ_EVERY_MS = 5_000

export type RefusedRows = ReturnType<typeof createRefusedRows>

/** Rows that the stream will not have. Later rows of their aggregates wait for an operator; other aggregates go on. */
export function createRefusedRows (store: Pick<OutboxStore, 'fail' | 'quarantined'>, log: Logger) {
  let aggregates = new Set<string>()
  /** Aggregates whose quarantine is not in the table yet. */
  const unwritten = new Set<string>()
  let readAt = -Infinity

  return {
    /** The aggregates in quarantine. */
    list: () => [...aggregates],
    has: (row: WaitingRow) => aggregates.has(row.aggregateId),
    /** Has the next `refresh` read the table. */
    expire () {
      readAt = -Infinity
    },
    async refresh () {
      if (performance.now() - readAt <= READ_EVERY_MS) return
      aggregates = new Set([...await store.quarantined(), ...unwritten])
      readAt = performance.now()
    },
    /** Notes a refusal. Returns whether it is the last one; then `onWritten` is called once the table says so. */
    refuse (row: WaitingRow, reason: string, onWritten: () => void): boolean {
      const { eventId, subject, aggregateId } = row
      const forGood = ++row.attempts >= MAX_REFUSALS
      if (forGood) {
        aggregates.add(aggregateId)
        unwritten.add(aggregateId)
        log.error(
          { eventId, subject, aggregateId, reason },
          'event quarantined; later events of its aggregate wait'
        )
      }
      store.fail(row, reason, forGood)
        .catch((error: unknown) => log.warn({ err: error }, 'a refused event could not be noted'))
        .finally(() => {
          if (!forGood) return
          unwritten.delete(aggregateId)
          onWritten()
        })
      return forGood
    }
  }
}
