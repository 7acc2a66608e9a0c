import { createRoutine } from '@gatepost/service-kit/routine'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Broker } from './broker.ts'
import { ENDING_SUBJECTS, ERASABLE_OWNERS, eraseEnded } from './erasure.ts'
import { createDrain } from './relay/drain.ts'
import { createLease } from './relay/lease.ts'
import { CHANNEL, listenForRows } from './relay/listener.ts'
import { createRelayMetrics } from './relay/metrics.ts'
import { createOutboxStore, OUTBOX_SESSION } from './relay/outbox-store.ts'
import { createPublisher } from './relay/publisher.ts'
import { reconcile } from './relay/reconciliation.ts'

export interface RelayOptions {
  /** The service's own database, with the tables `outbox` and `outbox_lease`. */
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
  inFlight: number
}

/** Publishes what a service stored in its outbox. */
export interface Relay {
  start (): void
  /** To be called after a commit that appended an event: it is published at once, by whichever replica leads. */
  wake (): void
  /** Waits for what is in flight, hands the leadership over, closes its connections. */
  stop (): Promise<void>
  status (): RelayStatus
}

const DAY_SECONDS = 86_400
const STATISTICS_MS = 1_000
const PRUNE_MS = 10_000
const PRUNE_ROWS = 1_000
const ERASE_MS = 1_000
const ERASE_ALL_MS = 3_600_000
/** A standby tells the leader at most this often, so that notifications never queue behind one another. */
const NOTIFY_MS = 10

/**
 * One relay for each replica of a service; one of them leads. Promises, while any process is killed, frozen or cut off:
 * every row is published at least once, under the same id each time; an aggregate's events in the order of their
 * versions; a row counts as published only with the sequence that the stream gave it.
 */
export function createRelay ({ databaseUrl, service, broker, log, retentionDays = 7, registry }: RelayOptions): Relay {
  const connection = { connectionString: databaseUrl, connectionTimeoutMillis: 2_000, query_timeout: 10_000, keepAlive: true }
  const leasePool = new pg.Pool({ ...connection, max: 1, application_name: `${service}-lease` })
  const workPool = new pg.Pool({ ...connection, max: 2, application_name: `${service}-relay`, options: OUTBOX_SESSION })
  for (const pool of [leasePool, workPool]) pool.on('error', (error) => log.debug({ err: error }, 'an idle database connection broke'))
  const metrics = createRelayMetrics(registry)
  const store = createOutboxStore(workPool)
  const publisher = createPublisher(broker, service)
  const lease = createLease(leasePool, log, (held) => {
    metrics.leader.set(held ? 1 : 0)
    if (!held) return
    eraseAllAt = 0
    drain.begin()
    pruning.wake()
  })
  const drain = createDrain({
    store, publisher, broker, log, metrics, held: lease.held, reconcile: () => reconcile(store, broker, service), onPublished: (row) => { if (ENDING_SUBJECTS.includes(row.subject)) ended.add(row.aggregateId) }
  })
  /** Aggregates whose final event this leader published, and whose personal events it has not erased yet. */
  const ended = new Set<string>()
  let eraseAllAt = 0
  let oldest = 0
  let quarantined = 0
  let listener: ReturnType<typeof listenForRows> | undefined
  let notifying: NodeJS.Timeout | undefined

  async function observe () {
    try {
      oldest = await store.oldestUnpublishedSeconds()
      quarantined = (await store.quarantined()).length
    } catch {
      oldest += STATISTICS_MS / 1_000 // the database is away, which the lease reports; what waits grows older meanwhile
    }
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

  /** At the beginning of a term, and every hour, also what another leader may have left over. */
  async function erase () {
    if (!lease.held() || broker.status() !== 'connected') return
    const all = performance.now() >= eraseAllAt
    if (!all && ended.size === 0) return
    const aggregateIds = [...ended]
    await eraseEnded({ pool: workPool, broker, log, ...all ? {} : { aggregateIds } })
    if (all) eraseAllAt = performance.now() + ERASE_ALL_MS
    for (const id of aggregateIds) ended.delete(id)
  }

  const pruning = createRoutine({ name: 'prune the outbox', everyMs: PRUNE_MS, work: prune, log })
  const routines = [
    pruning,
    createRoutine({ name: 'observe the outbox', everyMs: STATISTICS_MS, work: observe, log }),
    ...ERASABLE_OWNERS.has(service) ? [createRoutine({ name: 'erase personal events', everyMs: ERASE_MS, work: erase, log })] : []
  ]
  let stopping: Promise<void> | undefined

  async function stop () {
    clearTimeout(notifying)
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
      listener = listenForRows(databaseUrl, () => { if (lease.held()) drain.wake() })
      for (const routine of routines) routine.start()
    },
    wake () {
      if (lease.held()) return drain.wake()
      notifying ??= setTimeout(() => {
        notifying = undefined
        leasePool.query(`NOTIFY ${CHANNEL}`).catch((error: unknown) => log.debug({ err: error }, 'the leader could not be notified; it polls'))
      }, NOTIFY_MS)
    },
    stop () {
      stopping ??= stop()
      return stopping
    },
    status: () => ({ leader: lease.held(), oldestUnpublishedSeconds: oldest, quarantined, inFlight: drain.inFlight() })
  }
}
