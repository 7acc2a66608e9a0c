import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { createForbiddenSubjects } from './forbidden-subjects.ts'
import { createHeldRows } from './held-rows.ts'
import { createHesitation } from './hesitation.ts'
import { createMarker } from './marker.ts'
import type { RelayMetrics } from './metrics.ts'
import { createOutboxReader } from './outbox-reader.ts'
import type { OutboxStore, WaitingRow } from './outbox-store.ts'
import type { Outcome, Publisher } from './publisher.ts'
import { createRefusedRows } from './refused-rows.ts'

/** More in flight brings nothing (measured). */
const MAX_IN_FLIGHT = 256
/** A full window is refilled at this level: publishes that go out together cost both sides less. */
const REFILL_AT = 192
const POLL_MS = 200
const STOP_MS = 2_000

export interface DrainOptions {
  store: OutboxStore
  publisher: Publisher
  broker: Broker
  log: Logger
  metrics: RelayMetrics
  held: () => boolean
  /** Marks rows that the stream has already. */
  reconcile: () => Promise<void>
}

/** Moves rows from the outbox to the stream while the lease is held. */
export function createDrain ({ store, publisher, broker, log, metrics, held, reconcile }: DrainOptions) {
  const rows = createHeldRows()
  const marker = createMarker(store, log, metrics, rows.marked)
  const refused = createRefusedRows(store, log)
  const forbidden = createForbiddenSubjects(store)
  const hesitation = createHesitation(log, pump)
  const ending = new AbortController()
  const connected = () => !ending.signal.aborted && broker.status() === 'connected'
  const reader = createOutboxReader({
    store, rows, refused, forbidden, reconcile, held, ready: connected, log, onRead: pump
  })
  let inFlight = 0
  let full = false
  let poll: NodeJS.Timeout | undefined
  let idle: (() => void) | undefined

  function pump () {
    full = inFlight > (full ? REFILL_AT : MAX_IN_FLIGHT - 1)
    while (!full && hesitation.over && connected()) {
      if (!held()) return reader.forget()
      const row = rows.take()
      if (!row) break
      if (forbidden.has(row)) {
        setAside(row)
        continue
      }
      full = ++inFlight === MAX_IN_FLIGHT
      publisher.publish(row, (outcome) => settle(row, outcome))
    }
    reader.lookOn()
  }

  function settle (row: WaitingRow, outcome: Outcome) {
    inFlight--
    if (outcome.kind === 'stored') succeed(row, outcome.sequence)
    else fail(row, outcome)
    if (ending.signal.aborted && inFlight === 0) idle?.()
    if (!held()) reader.forget()
    pump()
  }

  function succeed (row: WaitingRow, sequence: number) {
    rows.finish(row)
    marker.add(row, sequence)
    metrics.published.inc()
    if (forbidden.permit(row.subject)) reader.lookOverAll()
    hesitation.end()
  }

  function fail (row: WaitingRow, { kind, reason }: Exclude<Outcome, { kind: 'stored' }>) {
    metrics.retries.inc({ cause: kind })
    if (kind === 'refused') {
      if (refused.refuse(row, reason, () => rows.release(row))) rows.leaveAggregate(row)
      else rows.giveBack(row)
      return
    }
    if (kind === 'forbidden') {
      forbidden.add(row.subject)
      return setAside(row)
    }
    if (kind === 'unavailable') rows.giveBack(row)
    else {
      // The stream may have the row: it is claimed again, like all that waits, once that is settled.
      reader.doubt()
      rows.leave(row)
    }
    hesitation.begin(reason)
  }

  /** The aggregate waits in the outbox, out of the way of others. */
  function setAside (row: WaitingRow) {
    rows.release(row)
    rows.leaveAggregate(row)
  }

  const stopWatching = broker.onChange((status) => {
    if (status !== 'connected') return
    hesitation.cutShort()
    forbidden.clear()
    void reader.look().then(pump)
  })

  return {
    inFlight: () => inFlight,
    /** Subjects that NATS does not permit. */
    forbidden: forbidden.list,
    /** A new term begins. */
    begin () {
      refused.expire()
      forbidden.clear()
      reader.begin()
    },
    start () {
      poll = setInterval(reader.look, POLL_MS)
    },
    wake () {
      void reader.look()
    },
    /** Publishes nothing more; waits for publishes in flight and marks their rows. */
    async stop () {
      ending.abort()
      clearInterval(poll)
      hesitation.stop()
      stopWatching()
      if (inFlight > 0) {
        await Promise.race([
          new Promise<void>((resolve) => {
            idle = resolve
          }),
          new Promise((resolve) => setTimeout(resolve, STOP_MS).unref())
        ])
      }
      await marker.flush()
    }
  }
}
