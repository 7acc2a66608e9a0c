import type { Pool } from 'pg'
import { ERASABLE_SUBJECTS } from '../erasure/erasable.ts'

/** An event that waits to be published. */
export interface WaitingRow {
  id: string
  eventId: string
  aggregateId: string
  subject: string
  payload: string
  attempts: number
  /** The row of the version before, when that is not published either. */
  waitsFor: string | null
}

export interface PublishedRow {
  id: string
  streamSequence: number
}

/**
 * For the connections of the store: a mark that a crash of PostgreSQL forgets is made again, as the row is republished
 * under the same id.
 */
export const OUTBOX_SESSION = { synchronous_commit: 'off' }

/** Up to this many known rows are re-read and filtered here; that is cheaper than excluding them in SQL. */
const FEW_KNOWN = 100

/*
 * Statistics are of a time when nearly nothing waited, so each of these has one plan whatever they say: rows are named
 * by `= ANY`, which cannot become a join, and found one by one along `outbox_waiting`, where the planner has nothing to
 * sort. None has a name: a plan made over the empty table of a new service would be kept for a long backlog.
 */
const WAITING = 'o.stream_sequence IS NULL AND o.quarantined_at IS NULL AND o.aggregate_id <> ALL ($1::uuid[])'
/** Excludes rows of subjects that NATS does not permit, and later rows of their aggregates. */
const PERMITTED =
  `(cardinality($3::text[]) = 0 OR (o.subject <> ALL ($3) AND NOT EXISTS (SELECT FROM outbox p
    WHERE p.aggregate_id = o.aggregate_id AND p.aggregate_version < o.aggregate_version
    AND p.stream_sequence IS NULL AND p.subject = ANY ($3))))`
const NEXT = `SELECT o.id FROM outbox o WHERE ${WAITING} AND o.id > $after AND ${PERMITTED} ORDER BY o.id LIMIT 1`
const IDS_ABOVE = `WITH RECURSIVE waiting (id) AS (
    (${NEXT.replace('$after', '$2::bigint')})
    UNION ALL
    SELECT next.id FROM waiting, LATERAL (${NEXT.replace('$after', 'waiting.id')}) AS next
  ) SELECT id FROM waiting LIMIT $4::int`
/**
 * The version before is looked up by its key alone: `stream_sequence IS NULL` among the conditions would offer the
 * index of all that waits.
 */
const ROWS =
  `SELECT o.id::text, o.event_id::text AS "eventId", o.aggregate_id::text AS "aggregateId", o.subject, o.payload,
    o.attempts,
    CASE WHEN o.aggregate_version > 1 THEN (SELECT CASE WHEN p.stream_sequence IS NULL THEN p.id::text END FROM outbox p
      WHERE p.aggregate_id = o.aggregate_id AND p.aggregate_version = o.aggregate_version - 1) END AS "waitsFor"
  FROM outbox o`
const CLAIM_ABOVE = `${ROWS} WHERE o.id = ANY (ARRAY(${IDS_ABOVE})) ORDER BY o.id`
const CLAIM_OF = `${ROWS} WHERE ${WAITING} AND o.subject = $2 ORDER BY o.id LIMIT 1`
const CLAIM_THESE = `${ROWS} WHERE o.id = ANY ($1::bigint[]) AND o.stream_sequence IS NULL ORDER BY o.id`

const MARK =
  `UPDATE outbox SET stream_sequence = ($2::bigint[])[array_position($1::bigint[], id)], published_at = now(),
    last_error = NULL
  WHERE id = ANY ($1::bigint[]) AND stream_sequence IS NULL`

const MARK_FOUND =
  `UPDATE outbox SET stream_sequence = ($2::bigint[])[array_position($1::uuid[], event_id)], published_at = now(),
    last_error = NULL
  WHERE event_id = ANY ($1::uuid[]) AND stream_sequence IS NULL`
/** Rows get their ids in about the order of their times: a minute is more than any transaction may take. */
const LAST_BEFORE_OLDEST = `SELECT stream_sequence::float8 AS sequence FROM outbox
  WHERE published_at < (SELECT o.created_at FROM outbox o
    WHERE o.stream_sequence IS NULL AND o.quarantined_at IS NULL ORDER BY o.id LIMIT 1) - interval '1 minute'
  ORDER BY published_at DESC LIMIT 1`

/** Refusals of a row may be written by two connections, in any order: the last one decides. */
const FAIL =
  `UPDATE outbox SET attempts = $2::int, last_error = $3, quarantined_at = CASE WHEN $4::boolean THEN now() END
  WHERE id = $1::bigint AND stream_sequence IS NULL AND attempts < $2::int`

/** Of an erasable event its place in the stream is kept until its aggregate ends. */
const PRUNE = `WITH gone AS (DELETE FROM outbox WHERE id = ANY (ARRAY(
    SELECT id FROM outbox WHERE published_at < now() - $1::float8 * interval '1 day'
    ORDER BY published_at LIMIT $2::int FOR UPDATE SKIP LOCKED)) RETURNING id, stream_sequence, aggregate_id, subject),
  placed AS (INSERT INTO event_positions (stream_sequence, aggregate_id)
    SELECT DISTINCT ON (stream_sequence) stream_sequence, aggregate_id FROM gone
    WHERE subject = ANY ($3::text[]) ORDER BY stream_sequence, id DESC
    ON CONFLICT (stream_sequence) DO UPDATE SET aggregate_id = excluded.aggregate_id)
  SELECT count(*)::int AS count FROM gone`

const OLDEST = `SELECT extract(epoch FROM now() - created_at)::float8 AS seconds
  FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NULL ORDER BY id LIMIT 1`

const QUARANTINED =
  'SELECT aggregate_id::text AS "aggregateId" FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NOT NULL'

export type OutboxStore = ReturnType<typeof createOutboxStore>

/** All that the relay asks of the outbox table. */
export function createOutboxStore (pool: Pool) {
  return {
    /**
     * Unpublished rows above `after`, oldest first. Leaves out rows that are `known`, and rows behind a quarantine or a
     * forbidden subject.
     */
    async claim (
      { after, known, quarantined, forbidden, limit }: {
        after: bigint
        known: ReadonlySet<string>
        quarantined: string[]
        forbidden: string[]
        limit: number
      }
    ): Promise<WaitingRow[]> {
      const above = [quarantined, after.toString(), forbidden, limit + known.size]
      if (known.size <= FEW_KNOWN) {
        const { rows } = await pool.query<WaitingRow>(CLAIM_ABOVE, above)
        return rows.filter(({ id }) => !known.has(id)).slice(0, limit)
      }
      // SQL would compare many excluded ids with every row; filtering here is cheaper.
      const { rows } = await pool.query<{ id: string }>(IDS_ABOVE, above)
      const ids = rows.map((row) => row.id).filter((id) => !known.has(id)).slice(0, limit)
      if (ids.length === 0) return []
      return (await pool.query<WaitingRow>(CLAIM_THESE, [ids])).rows
    },
    /** The oldest unpublished row of a subject. */
    async claimOf (subject: string, quarantined: string[]): Promise<WaitingRow | undefined> {
      return (await pool.query<WaitingRow>(CLAIM_OF, [quarantined, subject])).rows[0]
    },
    async mark (published: PublishedRow[]) {
      await pool.query(MARK, [published.map((row) => row.id), published.map((row) => row.streamSequence)])
    },
    /** Marks waiting rows whose messages were found in the stream. */
    async markFound (messages: { eventId: string, streamSequence: number }[]) {
      await pool.query(MARK_FOUND, [
        messages.map((message) => message.eventId),
        messages.map((message) => message.streamSequence)
      ])
    },
    /** A sequence below any message of a waiting row; 0 when none is known. */
    async lastSequenceBeforeOldest (): Promise<number> {
      return (await pool.query<{ sequence: number }>(LAST_BEFORE_OLDEST)).rows[0]?.sequence ?? 0
    },
    async fail (row: WaitingRow, error: string, quarantine: boolean) {
      await pool.query(FAIL, [row.id, row.attempts, error, quarantine])
    },
    /** Deletes at most `limit` rows that were published more days ago; resolves with their number. */
    async prune (days: number, limit: number): Promise<number> {
      return (await pool.query<{ count: number }>(PRUNE, [days, limit, ERASABLE_SUBJECTS])).rows[0]!.count
    },
    async oldestUnpublishedSeconds (): Promise<number> {
      const { rows } = await pool.query<{ seconds: number }>(OLDEST)
      return Math.max(0, rows[0]?.seconds ?? 0)
    },
    /** The aggregates behind a refused event, one entry for each refused event. */
    async quarantined (): Promise<string[]> {
      const { rows } = await pool.query<{ aggregateId: string }>(QUARANTINED)
      return rows.map((row) => row.aggregateId)
    }
  }
}
