import type { Sql } from '@gatepost/service-kit/sql'
import { events } from '@gatepost/contracts/events'
import { ERASABLE_SUBJECTS, isEnding } from './erasure/erasable.ts'
import type { Operator } from './operator.ts'
import { resync, type ResyncReport } from './resync.ts'
import { scan } from './scan.ts'
import { parseEvent } from './validation.ts'

const BATCH = 500
const ENDINGS = events.map((event) => event.subject).filter(isEnding)

const ENDED = `SELECT aggregate_id::text AS id FROM outbox WHERE subject = ANY ($1)
  UNION SELECT aggregate_id::text FROM erasures`
const PLACE =
  `INSERT INTO event_positions (stream_sequence, aggregate_id) SELECT * FROM unnest($1::bigint[], $2::uuid[])
  ON CONFLICT (stream_sequence) DO UPDATE SET aggregate_id = excluded.aggregate_id`
/** Also what was erased already: the stream is older, and has it again. */
const ERASE_AGAIN = `INSERT INTO erasures (aggregate_id, version)
  SELECT o.aggregate_id, o.aggregate_version FROM outbox o WHERE o.subject = ANY ($1)
    AND EXISTS (SELECT FROM event_positions p WHERE p.aggregate_id = o.aggregate_id)
  ON CONFLICT (aggregate_id) DO UPDATE SET erased_at = NULL, due_at = now(), attempts = 0`
/** The stream is read from its beginning for places that an earlier one had elsewhere. */
const FORGET_READING = 'DELETE FROM stream_readings'

/**
 * Makes a publisher's restored database fit a restored stream, which may be older than it, and never younger: what the
 * stream lacks is published again once the service runs, and what was erased since is erased again.
 */
export async function reconcileRestored (operator: Operator, sql: Sql, service: string): Promise<ResyncReport> {
  const ended = new Set((await sql.query<{ id: string }>(ENDED, [ENDINGS])).map(({ id }) => id))
  let places: { sequence: number, id: string }[] = []
  async function note () {
    await sql.query(PLACE, [places.map(({ sequence }) => sequence), places.map(({ id }) => id)])
    places = []
  }
  for await (const { seq: sequence, subject, data } of scan(operator, { filter: `events.${service}.>` })) {
    if (ended.size === 0) break
    if (!ERASABLE_SUBJECTS.includes(subject)) continue
    const { subject: id } = parseEvent(data)
    if (ended.has(id)) places.push({ sequence, id })
    if (places.length === BATCH) await note()
  }
  await note()
  await sql.query(ERASE_AGAIN, [ENDINGS])
  await sql.query(FORGET_READING)
  return resync(operator, sql)
}
