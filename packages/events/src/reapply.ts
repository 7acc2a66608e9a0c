import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Operator } from './operator.ts'
import { rewindConsumer } from './rewind.ts'

export interface ReapplyOptions {
  definition: ConsumerDefinition
  /** In one transaction of the consumer's database. */
  transaction: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
}

/**
 * Has a consumer forget which events it has applied, and gives it all of them again. For consumers that keep no read
 * model: their handlers act on tables of their service. The consumer's replicas may go on running.
 */
export async function reapply (operator: Operator, { definition, transaction }: ReapplyOptions): Promise<void> {
  await transaction(async (sql) => {
    // Waits for events that are being applied: their positions would otherwise stand without the ones before them.
    await sql.query('LOCK TABLE inbox IN SHARE ROW EXCLUSIVE MODE')
    for (const table of ['inbox', 'inbox_collisions', 'event_starts']) {
      await sql.query(`DELETE FROM ${table} WHERE consumer = $1`, [definition.name])
    }
  })
  await rewindConsumer(operator, definition, 1)
}

/** To be called once every event was applied again. */
export async function forgetCollisions ({ definition, transaction }: ReapplyOptions): Promise<void> {
  await transaction((sql) => sql.query('DELETE FROM inbox_collisions WHERE consumer = $1', [definition.name]))
}
