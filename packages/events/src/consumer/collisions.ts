import type { ConsumerDefinition } from '@gatepost/contracts/events'
import { createRoutine } from '@gatepost/service-kit/routine'
import type { Logger } from 'pino'
import type { Transaction } from './handling.ts'
import type { ConsumerMetrics } from './metrics.ts'

const COUNT = 'SELECT count(*)::int AS count FROM inbox_collisions WHERE consumer = $1'
const EVERY_MS = 5_000

/** Looks every five seconds how many collisions the replicas found since the last rebuild. */
export function watchCollisions<Tx> ({ definition: { name }, transaction, metrics, log }: {
  definition: ConsumerDefinition, transaction: Transaction<Tx>, metrics: ConsumerMetrics, log: Logger
}) {
  const found = { count: 0 }
  async function look () {
    // while the database is away
    const rows = await transaction((_tx, sql) => sql.query<{ count: number }>(COUNT, [name])).catch(() => [])
    if (!rows[0]) return
    if (rows[0].count > found.count) {
      log.error(
        { collisions: rows[0].count },
        `events have versions that other events had before; pnpm events rebuild ${name}`
      )
    }
    found.count = rows[0].count
    metrics.collisions.set({ consumer: name }, found.count)
  }
  return { found, ...createRoutine({ name: `collisions of ${name}`, everyMs: EVERY_MS, work: look, log }) }
}
