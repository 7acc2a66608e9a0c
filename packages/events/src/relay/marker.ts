import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { RelayMetrics } from './metrics.ts'
import type { OutboxStore, WaitingRow } from './outbox-store.ts'

/** Larger statements cost less a row; nobody waits for a mark. */
const ENOUGH = 200
const PAUSE_MS = 5
/** Rows of one statement at most: its time is bounded after a long absence of the database. */
const MAX_ROWS = 1_000
const RETRY_MS = 250

/**
 * Writes acknowledgements back, one statement at a time for all of the meantime. A failed statement is tried again; if
 * this process ends first, the next leader publishes those rows again under the same ids.
 */
export function createMarker (
  store: Pick<OutboxStore, 'mark'>,
  log: Logger,
  metrics: Pick<RelayMetrics, 'markFailures'>,
  onMarked: (rows: WaitingRow[]) => void
) {
  let waiting: { row: WaitingRow, streamSequence: number }[] = []
  let running: Promise<void> | undefined
  let ending = false
  let failing = false

  async function run () {
    while (waiting.length > 0) {
      if (waiting.length < ENOUGH && !ending) await sleep(PAUSE_MS)
      const batch = waiting.splice(0, MAX_ROWS)
      try {
        await store.mark(batch.map(({ row, streamSequence }) => ({ id: row.id, streamSequence })))
        if (failing) log.info('published rows are marked again')
        failing = false
        onMarked(batch.map(({ row }) => row))
      } catch (error) {
        waiting = batch.concat(waiting)
        metrics.markFailures.inc()
        if (!failing) log.warn({ err: error, rows: waiting.length }, 'published rows cannot be marked; retrying')
        failing = true
        if (ending) return
        await sleep(RETRY_MS)
      }
    }
  }

  function begin () {
    running ??= run().finally(() => {
      running = undefined
      if (waiting.length > 0 && !ending) begin()
    })
    return running
  }

  return {
    add (row: WaitingRow, streamSequence: number) {
      waiting.push({ row, streamSequence })
      if (!running) setImmediate(begin)
    },
    async flush () {
      ending = true
      await running
      if (waiting.length > 0) await run()
    }
  }
}
