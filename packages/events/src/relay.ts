import { isPooled, sessionConfig } from '@gatepost/service-kit/database-session'
import { createRoutine } from '@gatepost/service-kit/routine'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Broker } from './broker.ts'
import { createEraser } from './erasure.ts'
import { ERASABLE_OWNERS } from './erasure/erasable.ts'
import { createDrain } from './relay/drain.ts'
import { createLease } from './relay/lease.ts'
import { CHANNEL, listenForRows } from './relay/listener.ts'
import { createRelayMetrics } from './relay/metrics.ts'
import { createOutboxStore, OUTBOX_SESSION } from './relay/outbox-store.ts'
import { createPublisher } from './relay/publisher.ts'
import { reconcile } from './relay/reconciliation.ts'

export interface RelayOptions {
  /**
   * The service's own database, with the tables `outbox`, `outbox_lease`, `erasures`, `event_positions` and
   * `stream_readings`.
   */
  databaseUrl: string
  /** The owner of the outbox: `posts`. */
  service: string
  broker: Broker
  log: Logger
  /** Days for which published rows are kept; `events resync` can republish that far back. Default 7. */
  retentionDays?: number
  registry?: Registry
}

export interface RelayStatus {
  /** Whether this replica publishes. */
  leader: boolean
  oldestUnpublishedSeconds: number
  /** Rows that the stream refused for good; their aggregates wait for an operator. */
  quarantined: number
  /**
   * Subjects that this service's account may not publish; their rows wait, and later rows of their aggregates.
   */
  notPermitted: string[]
  inFlight: number
}

/** Publishes the events of a service's outbox. */
export interface Relay {
  start (): void
  /** To be called after a commit that appended an event: it is published at once, by whichever replica leads. */
  wake (): void
  /** Waits for publishes in flight, hands the leadership over, closes its connections. */
  stop (): Promise<void>
  status (): RelayStatus
}

const DAY_SECONDS = 86_400
const STATISTICS_MS = 1_000
const PRUNE_MS = 10_000
const PRUNE_ROWS = 1_000
const ERASE_MS = 1_000
const READ_POSITIONS_MS = 10_000
/** Erasures that are older are worth a warning, and an alarm. */
const LATE_ERASURE_SECONDS = 30
const LATE_ERASURE_WARNING_MS = 60_000
/** A standby tells the leader at most this often, so that notifications never queue behind one another. */
const NOTIFY_MS = 10

/**
 * One relay for each replica of a service; one of them leads. Promises, while any process is killed, frozen or cut off:
 * every row is published at least once, under the same id each time; an aggregate's events in the order of their
 * versions; a row counts as published only with the sequence that the stream gave it.
 */
export function createRelay ({ databaseUrl, service, broker, log, retentionDays = 7, registry }: RelayOptions): Relay {
  const leasePool = new pg.Pool({ ...sessionConfig({ url: databaseUrl, name: `${service}-lease` }), max: 1 })
  const workPool = new pg.Pool({
    ...sessionConfig({ url: databaseUrl, name: `${service}-relay`, settings: OUTBOX_SESSION }),
    max: 2
  })
  /** A pooler keeps no session for LISTEN: the leader's poll finds rows of other replicas. */
  const notifies = !isPooled(databaseUrl)
  for (const pool of [leasePool, workPool]) {
    pool.on('error', (error) =>
      log.debug({ err: error }, 'an idle database connection broke'))
  }
  const erases = ERASABLE_OWNERS.has(service)
  let stopping: Promise<void> | undefined
  const metrics = createRelayMetrics(registry)
  const store = createOutboxStore(workPool)
  const publisher = createPublisher(broker, service)
  const lease = createLease(leasePool, log, (held) => {
    metrics.leader.set(held ? 1 : 0)
    if (!held) return
    positionsRead = false
    drain.begin()
    pruning.wake()
    reading.wake()
  })
  const drain = createDrain({
    store, publisher, broker, log, metrics, held: lease.held, reconcile: () => reconcile(store, broker, service)
  })
  const eraser = createEraser({ pool: workPool, service, broker, log, goOn: () => lease.held() && !stopping })
  /** Whether this leader has read the stream since its term began. */
  let positionsRead = false
  let oldestErasure = 0
  let erasureWarnedAt = -Infinity
  let oldest = 0
  let quarantined = 0
  let listener: ReturnType<typeof listenForRows> | undefined
  let notifying: NodeJS.Timeout | undefined

  async function observe () {
    try {
      oldest = await store.oldestUnpublishedSeconds()
      quarantined = (await store.quarantined()).length
      if (erases) oldestErasure = await eraser.oldestSeconds()
    } catch {
      oldest += STATISTICS_MS / 1_000 // the database is away, which the lease reports; what waits grows older meanwhile
    }
    if (
      oldestErasure > LATE_ERASURE_SECONDS && lease.held() &&
      performance.now() - erasureWarnedAt > LATE_ERASURE_WARNING_MS
    ) {
      log.warn({ oldestSeconds: Math.round(oldestErasure) }, 'events of ended aggregates wait for their erasure')
      erasureWarnedAt = performance.now()
    }
    metrics.oldestErasure.set(oldestErasure)
    metrics.oldestUnpublished.set(oldest)
    metrics.quarantined.set(quarantined)
    metrics.inFlight.set(drain.inFlight())
  }

  async function prune () {
    if (!lease.held()) return
    const gone = await store.prune(retentionDays, PRUNE_ROWS)
    if (gone > 0) log.debug({ rows: gone, olderThanSeconds: retentionDays * DAY_SECONDS }, 'outbox pruned')
    if (gone === PRUNE_ROWS && lease.held()) await prune()
  }

  async function erase () {
    if (!lease.held()) return
    if (quarantined > 0) await eraser.eraseRefused()
    await eraser.erase()
  }

  async function readPositions () {
    if (!positionsRead && lease.held()) positionsRead = await eraser.readPositions()
  }

  const reading = createRoutine({
    name: 'read where erasable events stand',
    everyMs: READ_POSITIONS_MS,
    work: readPositions,
    log
  })
  const stopWatching = broker.onChange((status) => {
    if (status === 'connected') reading.wake()
  })
  const pruning = createRoutine({ name: 'prune the outbox', everyMs: PRUNE_MS, work: prune, log })
  const routines = [
    pruning,
    createRoutine({ name: 'observe the outbox', everyMs: STATISTICS_MS, work: observe, log }),
    ...erases
      ? [createRoutine({ name: 'erase events of ended aggregates', everyMs: ERASE_MS, work: erase, log }), reading]
      : []
  ]
  async function stop () {
    clearTimeout(notifying)
    stopWatching()
    await Promise.all([drain.stop(), ...routines.map((routine) => routine.stop())])
    publisher.stop()
    await lease.stop()
    await listener?.stop()
    await Promise.all([leasePool.end(), workPool.end()])
    metrics.leader.set(0)
  }

  return {
    start () {
      lease.start()
      drain.start()
      if (notifies) listener = listenForRows(databaseUrl, () => { if (lease.held()) drain.wake() })
      for (const routine of routines) routine.start()
    },
    wake () {
      if (lease.held()) return drain.wake()
      if (!notifies) return
      notifying ??= setTimeout(() => {
        notifying = undefined
        leasePool.query(`NOTIFY ${CHANNEL}`).catch((error: unknown) =>
          log.debug({ err: error }, 'the leader could not be notified; it polls')
        )
      }, NOTIFY_MS)
    },
    stop () {
      stopping ??= stop()
      return stopping
    },
    status: () => ({
      leader: lease.held(),
      oldestUnpublishedSeconds: oldest,
      quarantined,
      notPermitted: drain.forbidden(),
      inFlight: drain.inFlight()
    })
  }
}
