import type { Sql } from '@gatepost/service-kit/sql'
import type { Operator } from './operator.ts'
import { isInPart, type Part, partCondition, partsOf } from './parts.ts'
import { scan } from './scan.ts'

export interface ResyncReport {
  /** Published rows that were compared. */
  compared: number
  /** Found in the stream, but under another sequence than the outbox had noted; noted anew. */
  moved: number
  /** Not in the stream any more; the relay publishes them again. */
  missing: number
}

// Ordered by the column: an unqualified "id" would be the text that is selected.
const archive = (part: Part) =>
  `SELECT o.id::text, o.event_id::text AS "eventId", o.stream_sequence::float8 AS sequence FROM outbox o
  WHERE o.stream_sequence IS NOT NULL AND o.payload <> '' AND o.id > $1::bigint AND ${partCondition('o.event_id', part)}
    AND NOT EXISTS (SELECT FROM erasures e WHERE e.aggregate_id = o.aggregate_id AND e.version > o.aggregate_version)
  ORDER BY o.id LIMIT 1000`
const NOTE =
  'UPDATE outbox SET stream_sequence = ($2::bigint[])[array_position($1::bigint[], id)] WHERE id = ANY ($1::bigint[])'
const REOPEN = 'UPDATE outbox SET stream_sequence = NULL, published_at = NULL WHERE id = ANY ($1::bigint[])'

/**
 * Compares the published rows of an outbox with the stream, after the broker lost its tail or all of it. Missing events
 * are handed to the relay again, which keeps order and fencing; consumers skip events that they applied. Events under
 * erasure stay away. With `dryRun` nothing is changed. `onProgress` is called with the number of compared rows. Ids of
 * at most `eventsAtOnce` events are held in memory.
 */
export async function resync (
  operator: Operator,
  sql: Sql,
  { dryRun = false, onProgress, eventsAtOnce }: {
    dryRun?: boolean
    onProgress?: (compared: number) => void
    eventsAtOnce?: number
  } = {}
): Promise<ResyncReport> {
  const report: ResyncReport = { compared: 0, moved: 0, missing: 0 }
  for (const part of await partsOf(operator, eventsAtOnce)) {
    await resyncPart(operator, sql, { part, dryRun, report, onProgress })
  }
  return report
}

interface PartOptions {
  part: Part
  dryRun: boolean
  report: ResyncReport
  onProgress: ((compared: number) => void) | undefined
}

async function resyncPart (operator: Operator, sql: Sql, { part, dryRun, report, onProgress }: PartOptions) {
  const sequences = new Map<string, number>()
  let read = 0
  async function readOn () {
    for await (const message of scan(operator, { headersOnly: true, from: { sequence: read + 1 } })) {
      const id = message.headers?.get('Nats-Msg-Id')
      if (id && isInPart(id, part) && !sequences.has(id)) sequences.set(id, message.seq)
      read = message.seq
    }
  }
  await readOn()
  for (let after = '0'; ;) {
    const rows = await sql.query<{ id: string, eventId: string, sequence: number }>(archive(part), [after])
    const last = rows.at(-1)
    if (!last) return
    after = last.id
    // A row that was published since the stream was read is not missing; published again, it could stand there twice.
    if (rows.some((row) => !sequences.has(row.eventId))) await readOn()
    const moved = rows.filter((row) => sequences.has(row.eventId) && sequences.get(row.eventId) !== row.sequence)
    const missing = rows.filter((row) => !sequences.has(row.eventId))
    if (!dryRun && moved.length > 0) {
      await sql.query(NOTE, [
        moved.map((row) => row.id),
        moved.map((row) => sequences.get(row.eventId))
      ])
    }
    if (!dryRun && missing.length > 0) await sql.query(REOPEN, [missing.map((row) => row.id)])
    report.compared += rows.length
    report.moved += moved.length
    report.missing += missing.length
    onProgress?.(report.compared)
  }
}

/** Rows that the relay has yet to publish, without those in quarantine. */
export async function unpublishedIn (sql: Sql): Promise<number> {
  const [row] = await sql.query<
    { count: number }
  >('SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NULL')
  return row!.count
}
