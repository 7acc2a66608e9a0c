import { sqlOfPool } from '@gatepost/service-kit/sql'
import type { Operator } from './operator.ts'
import { copyTables, putInPlace } from './rebuild/copies.ts'
import { removeForgotten } from './rebuild/forgotten.ts'
import type { RebuildOptions } from './rebuild/options.ts'
import { createStreamReading } from './rebuild/stream-reading.ts'

export type { ReadModel } from './rebuild/options.ts'

export interface RebuildReport {
  /** Events that were applied. */
  events: number
  /** Events that cannot be applied; the living consumer has dead letters of them. */
  rejected: number
  /** Rows of the read model that were not there, or otherwise. */
  changed: number
  /** Rows that no event speaks of, or only events that their owner has forgotten. */
  removed: number
  /** Rows whose owner is at an earlier version than the events say. */
  ahead: number
}

/** The living consumer is stopped for the rest when the last reading found no more events than this. */
const FEW = 200
const PASSES = 20
/** Temporary tables come before all others, those of `public` next. */
const SESSION = `SET search_path = public; SET statement_timeout = '10min'; SET lock_timeout = '10s';
  SET idle_in_transaction_session_timeout = '1min'`

/**
 * Builds a read model from all events beside the living one, in temporary tables of this session, and puts it in place
 * with one transaction: readers see the old one or the new one. The consumer's replicas go on meanwhile, but for the
 * last moment. A rebuild that is broken off leaves the living read model as it was, and nothing else.
 */
export async function rebuild (operator: Operator, options: RebuildOptions): Promise<RebuildReport> {
  const { definition: { name }, readModel: { table }, client } = options
  const sql = sqlOfPool(client)
  await client.query(SESSION)
  await copyTables(sql, ['inbox', 'inbox_collisions', 'event_starts', table])
  const reading = createStreamReading(operator, options)
  for (let pass = 1, read = Infinity; read > FEW && pass <= PASSES; pass++) read = await reading.readOn()
  const ahead = await removeForgotten(sql, options)
  await client.query(`ANALYZE inbox, ${table}`)
  await client.query('BEGIN')
  // The lock waits for events that the living consumer is applying; all of them are in the stream.
  await client.query('LOCK TABLE public.inbox IN SHARE ROW EXCLUSIVE MODE')
  await reading.readOn({ inTransaction: true })
  const only = { column: 'consumer', value: name }
  await putInPlace(sql, { table: 'inbox', key: ['consumer', 'aggregate_id'], only })
  const rows = await putInPlace(sql, { table, key: ['id'] })
  await sql.query('DELETE FROM public.inbox_collisions WHERE consumer = $1', [name])
  await client.query('COMMIT')
  return { ...reading.counts(), ...rows, ahead }
}
