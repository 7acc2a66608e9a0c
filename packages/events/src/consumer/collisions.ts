import type { CloudEvent } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { createRoutine } from '@gatepost/service-kit/routine'
import type { Logger } from 'pino'
import type { Sql } from '../sql.ts'
import type { Transaction } from './handling.ts'
import type { ConsumerMetrics } from './metrics.ts'

const NOTE = `INSERT INTO inbox_collisions (consumer, event_id, aggregate_id, version) VALUES ($1, $2::uuid, $3::uuid, $4::int)
  ON CONFLICT DO NOTHING`
const COUNT = 'SELECT count(*)::int AS count FROM inbox_collisions WHERE consumer = $1'
const EVERY_MS = 5_000

/** Remembers, in the transaction of its effect, an event that took the place of another one of its version. */
export async function noteCollision (sql: Sql, consumer: string, event: CloudEvent) {
  await sql.query(NOTE, [consumer, event.id, event.subject, event.aggregateversion])
}

/** Looks every five seconds how many such events the replicas found since the last rebuild. */
export function watchCollisions<Tx> ({ definition: { name }, transaction, metrics, log }: {
  definition: ConsumerDefinition, transaction: Transaction<Tx>, metrics: ConsumerMetrics, log: Logger
}) {
  const found = { count: 0 }
  async function look () {
    const rows = await transaction((_tx, sql) => sql.query<{ count: number }>(COUNT, [name])).catch(() => []) // while the database is away
    if (!rows[0]) return
    if (rows[0].count > found.count) log.error({ collisions: rows[0].count }, `events have versions that other events had before; pnpm events rebuild ${name}`)
    found.count = rows[0].count
    metrics.collisions.set({ consumer: name }, found.count)
  }
  return { found, ...createRoutine({ name: `collisions of ${name}`, everyMs: EVERY_MS, work: look, log }) }
}
