import { type Pool } from 'pg'
import { ERASABLE_SUBJECTS } from '../erasure.ts'

/** An event that waits to be published. */
export interface OutboxRow {
  id: string
  eventId: string
  aggregateId: string
  subject: string
  payload: string
  attempts: number
}

export interface PublishedRow {
  id: string
  streamSequence: number
}

const CLAIM = `SELECT o.id::text, o.event_id::text AS "eventId", o.aggregate_id::text AS "aggregateId", o.subject, o.payload, o.attempts
  FROM outbox o
  WHERE o.stream_sequence IS NULL AND o.id > $1::bigint AND o.id <> ALL ($2::bigint[])
    AND NOT EXISTS (SELECT FROM outbox q WHERE q.aggregate_id = o.aggregate_id AND q.quarantined_at IS NOT NULL AND q.stream_sequence IS NULL)
  ORDER BY o.id LIMIT $3::int`

const MARK = `UPDATE outbox SET stream_sequence = acked.sequence, published_at = clock_timestamp(), last_error = NULL
  FROM unnest($1::bigint[], $2::bigint[]) AS acked (id, sequence)
  WHERE outbox.id = acked.id AND outbox.stream_sequence IS NULL`

const FAIL = `UPDATE outbox SET attempts = $2::int, last_error = $3, quarantined_at = CASE WHEN $4::boolean THEN clock_timestamp() END
  WHERE id = $1::bigint AND stream_sequence IS NULL`

/** What is not needed to erase personal events from the stream one day. */
const PRUNE = `DELETE FROM outbox WHERE id IN (
    SELECT o.id FROM outbox o WHERE o.published_at < clock_timestamp() - $1::float8 * interval '1 day' AND o.subject <> ALL ($3)
      AND NOT EXISTS (SELECT FROM outbox p WHERE p.aggregate_id = o.aggregate_id AND p.aggregate_version < o.aggregate_version AND p.subject = ANY ($3))
    ORDER BY o.published_at LIMIT $2::int FOR UPDATE SKIP LOCKED)`
/** Of a personal event stays where it is in the stream, until the aggregate ends. */
const BLANK = `UPDATE outbox SET payload = '', published_at = NULL WHERE id IN (
    SELECT id FROM outbox WHERE published_at < clock_timestamp() - $1::float8 * interval '1 day' AND subject = ANY ($3)
    ORDER BY published_at LIMIT $2::int FOR UPDATE SKIP LOCKED)`

const OLDEST = `SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 AS seconds
  FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NULL ORDER BY id LIMIT 1`

const QUARANTINED = 'SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NOT NULL'

export type OutboxStore = ReturnType<typeof createOutboxStore>

/** All that the relay asks of the outbox table. */
export function createOutboxStore (pool: Pool) {
  return {
    /** Unpublished rows above `after`, oldest first, without those that are `held` here and without aggregates in quarantine. */
    async claim ({ after, held, limit }: { after: bigint, held: string[], limit: number }): Promise<OutboxRow[]> {
      const { rows } = await pool.query<OutboxRow>(CLAIM, [after.toString(), held, limit])
      return rows
    },
    async mark (published: PublishedRow[]) {
      await pool.query(MARK, [published.map((row) => row.id), published.map((row) => row.streamSequence)])
    },
    async fail (row: OutboxRow, error: string, quarantine: boolean) {
      await pool.query(FAIL, [row.id, row.attempts, error, quarantine])
    },
    /** Deletes at most `limit` rows that were published longer ago; resolves with how many. */
    async prune (days: number, limit: number): Promise<number> {
      await pool.query(BLANK, [days, limit, ERASABLE_SUBJECTS])
      return (await pool.query(PRUNE, [days, limit, ERASABLE_SUBJECTS])).rowCount ?? 0
    },
    async oldestUnpublishedSeconds (): Promise<number> {
      const { rows } = await pool.query<{ seconds: number }>(OLDEST)
      return Math.max(0, rows[0]?.seconds ?? 0)
    },
    async quarantined (): Promise<number> {
      const { rows } = await pool.query<{ count: number }>(QUARANTINED)
      return rows[0]!.count
    }
  }
}
