import type { Logger } from 'pino'
import type { Broker } from '../broker.ts'
import { createLanes } from '../order/lanes.ts'
import { createForbiddenSubjects } from './forbidden-subjects.ts'
import { createHesitation } from './hesitation.ts'
import { createMarker } from './marker.ts'
import type { RelayMetrics } from './metrics.ts'
import type { WaitingRow, OutboxStore } from './outbox-store.ts'
import type { Outcome, Publisher } from './publisher.ts'

/** More in flight brings nothing (measured). */
const MAX_IN_FLIGHT = 256
/**
 * A full window is filled again when so many of it are acknowledged: publishes that go out together cost both sides
 * less.
 */
const REFILL_AT = 192
const CLAIM_ROWS = 2_000
/**
 * An id is taken before its transaction commits, so rows appear below the newest one seen. Each look goes back this
 * far; what took longer is found by the full look.
 */
const LOOK_BACK = 2_000n
const POLL_MS = 200
const FULL_LOOK_MS = 500
const BACKLOG_FULL_LOOK_MS = 2_000
const QUARANTINE_MS = 5_000
const NONE: ReadonlySet<string> = new Set()
/** A row that is refused this often is refused for good. */
const MAX_REFUSALS = 3

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
  const lanes = createLanes<WaitingRow>((row) => row.aggregateId)
  /** Rows that are here: waiting, in flight, or acknowledged and not yet marked. */
  const known = new Set<string>()
  /** Marked while the outbox is being read, which may still show them as they were. */
  const markedMeanwhile: string[] = []
  const marker = createMarker(store, log, metrics, (rows) => {
    for (const row of rows) {
      if (looking) markedMeanwhile.push(row.id)
      else known.delete(row.id)
    }
  })
  let inFlight = 0
  let full = false
  let newest = 0n
  let fullLookAt = 0
  let quarantined = new Set<string>()
  /** Aggregates of events that are refused for good, which the table does not say yet. */
  const quarantining = new Set<string>()
  let quarantineReadAt = -Infinity
  const forbidden = createForbiddenSubjects(store)
  /** Whether nothing that waits can have been published long ago by somebody who heard no answer. */
  let reconciled = false
  let looking = false
  let again = false
  let lastLookWasFull = false
  const hesitation = createHesitation(log, () => pump())
  let poll: NodeJS.Timeout | undefined
  const ending = new AbortController()
  let idle: (() => void) | undefined

  function pump () {
    full = inFlight > (full ? REFILL_AT : MAX_IN_FLIGHT - 1)
    while (!full && !ending.signal.aborted && hesitation.over && broker.status() === 'connected') {
      if (!held()) return forget()
      const row = lanes.take()
      if (!row) break
      if (forbidden.has(row)) {
        setAside(row)
        continue
      }
      full = ++inFlight === MAX_IN_FLIGHT
      publisher.publish(row, (outcome) => settle(row, outcome))
    }
    if (again && lanes.size < CLAIM_ROWS) void look()
  }

  function settle (row: WaitingRow, outcome: Outcome) {
    inFlight--
    if (outcome.kind === 'stored') {
      lanes.finish(row)
      marker.add(row, outcome.sequence)
      metrics.published.inc()
      if (forbidden.permit(row.subject)) {
        fullLookAt = 0
        again = true
      }
      hesitation.end()
    } else {
      metrics.retries.inc({ cause: outcome.kind })
      row.attempts++
      if (outcome.kind === 'refused') refuse(row, outcome.reason)
      else if (outcome.kind === 'forbidden') {
        forbidden.add(row.subject)
        setAside(row)
      } else {
        if (outcome.kind === 'unknown') doubt(row)
        else lanes.giveBack(row)
        hesitation.begin(outcome.reason)
      }
    }
    if (ending.signal.aborted && inFlight === 0) idle?.()
    if (!held()) forget()
    pump()
  }

  /** The stream may have the row. It is claimed again, like all that waits, once that is settled. */
  function doubt (row: WaitingRow) {
    reconciled = false
    again = true
    forget()
    lanes.finish(row)
    known.delete(row.id)
  }

  /** The stream will not have this row. Its aggregate waits, the others go on. */
  function refuse (row: WaitingRow, reason: string) {
    const quarantine = row.attempts >= MAX_REFUSALS
    store.fail(row, reason, quarantine)
      .catch((error: unknown) => log.warn({ err: error }, 'a refused event could not be noted'))
      .finally(() => {
        if (!quarantine) return
        known.delete(row.id)
        quarantining.delete(row.aggregateId)
      })
    if (!quarantine) return lanes.giveBack(row)
    quarantining.add(row.aggregateId)
    log.error(
      { eventId: row.eventId, subject: row.subject, aggregateId: row.aggregateId, reason },
      'event quarantined; later events of its aggregate wait'
    )
    quarantined.add(row.aggregateId)
    leaveAggregate(row)
  }

  /** The aggregate waits in the outbox, out of the way of others. */
  function setAside (row: WaitingRow) {
    known.delete(row.id)
    leaveAggregate(row)
  }

  function leaveAggregate (row: WaitingRow) {
    lanes.finish(row)
    for (const { id } of lanes.forget(row.aggregateId)) known.delete(id)
  }

  function forget () {
    newest = 0n
    lastLookWasFull = false
    for (const { id } of lanes.forget()) known.delete(id)
  }

  /** Through a backlog, onward from what is known; otherwise back a little, and from time to time over everything. */
  function whereToLook (onward: boolean) {
    const full = performance.now() >= fullLookAt
    if (full) fullLookAt = performance.now() + (onward ? BACKLOG_FULL_LOOK_MS : FULL_LOOK_MS)
    else if (onward) return { after: newest, known: NONE }
    return { after: full || newest < LOOK_BACK ? 0n : newest - LOOK_BACK, known }
  }

  async function look () {
    if (looking) {
      again = true
      return
    }
    if (!held() || ending.signal.aborted || broker.status() !== 'connected' || lanes.size >= CLAIM_ROWS) return
    looking = true
    const onward = again && lastLookWasFull
    again = false
    try {
      if (!reconciled) {
        reconciled = true
        await reconcile()
      }
      if (performance.now() - quarantineReadAt > QUARANTINE_MS) {
        const stored = await store.quarantined()
        quarantined = new Set([...stored, ...quarantining])
        quarantineReadAt = performance.now()
      }
      const rows = await store.claim({
        ...whereToLook(onward),
        quarantined: [...quarantined],
        forbidden: forbidden.list(),
        limit: CLAIM_ROWS
      })
      const trials = await forbidden.claimTrials([...quarantined])
      if (!held() || !reconciled) return
      for (const row of [...trials, ...rows]) {
        // The event before it may have been refused while this was read.
        if (known.has(row.id) || quarantined.has(row.aggregateId)) continue
        // The version before it is further back than this look went: not before that one.
        if (row.waitsFor !== null && !known.has(row.waitsFor)) {
          fullLookAt = 0
          again = true
          continue
        }
        known.add(row.id)
        lanes.add(row)
        if (BigInt(row.id) > newest) newest = BigInt(row.id)
      }
      lastLookWasFull = rows.length === CLAIM_ROWS
      if (lastLookWasFull) again = true
    } catch (error) {
      reconciled = false
      log.debug({ err: error }, 'the outbox could not be read; trying on')
    } finally {
      looking = false
      for (const id of markedMeanwhile.splice(0)) known.delete(id)
    }
    pump()
  }

  const stopWatching = broker.onChange((status) => {
    if (status !== 'connected') return
    hesitation.cutShort()
    forbidden.clear()
    void look().then(pump)
  })

  return {
    inFlight: () => inFlight,
    /** Subjects that NATS does not permit. */
    forbidden: forbidden.list,
    /** A new term: whatever another leader did meanwhile is in the table. */
    begin () {
      fullLookAt = 0
      quarantineReadAt = -Infinity
      reconciled = false
      forbidden.clear()
      void look()
    },
    start () {
      poll = setInterval(look, POLL_MS)
    },
    wake () {
      void look()
    },
    /** Publishes nothing more; waits for what is in flight and marks it. */
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
          new Promise((resolve) => setTimeout(resolve, 2_000).unref())
        ])
      }
      await marker.flush()
    }
  }
}
