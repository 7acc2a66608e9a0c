import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { ConsumerDefinition } from '@gatepost/contracts/events'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Operator } from './operator.ts'
import { rewindConsumer } from './rewind.ts'

/** The table that a consumer builds, one row an aggregate; by the names of the contracts. */
const READ_MODELS: Record<string, string | undefined> = { 'feed-posts': 'entries', 'feed-users': 'authors' }

export interface RebuildOptions {
  definition: ConsumerDefinition
  /** In one transaction of the consumer's database. */
  transaction: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>
}

/**
 * Has a consumer forget what it has applied and gives it every event again, over the rows that are there: readers see
 * them go through their past. Its replicas may go on running. Resolves with the last sequence of now.
 */
export async function beginRebuild (operator: Operator, { definition, transaction }: RebuildOptions): Promise<number> {
  const { state } = await operator.jsm.streams.info(EVENTS_STREAM)
  await transaction(async (sql) => {
    // What is being applied now ends before, and would otherwise be remembered without what came before it.
    await sql.query('LOCK TABLE inbox IN SHARE ROW EXCLUSIVE MODE')
    for (const table of ['inbox', 'inbox_collisions', 'event_starts']) {
      await sql.query(`DELETE FROM ${table} WHERE consumer = $1`, [definition.name])
    }
  })
  await rewindConsumer(operator, definition, 1)
  return state.last_seq
}

/**
 * Once every event was applied again: removes the rows of which none spoke, and forgets collisions. Resolves with how
 * many rows.
 */
export function finishRebuild ({ definition: { name }, transaction }: RebuildOptions): Promise<number> {
  return transaction(async (sql) => {
    await sql.query('DELETE FROM inbox_collisions WHERE consumer = $1', [name])
    const table = READ_MODELS[name]
    if (!table) return 0
    const rows = await sql.query(`DELETE FROM ${table} r WHERE NOT EXISTS
      (SELECT FROM inbox i WHERE i.consumer = $1 AND i.aggregate_id = r.id) RETURNING id`, [name])
    return rows.length
  })
}
