import { transactionOfPool } from '@gatepost/service-kit/sql'
import type { Pool } from 'pg'
import { ERASABLE_SUBJECTS } from './erasable.ts'

/** An aggregate that ended, whose final event is in the stream. */
export interface DueErasure {
  aggregateId: string
  /** Whether nothing was left at an earlier look. */
  erased: boolean
}

/** A message of an aggregate in the stream of events. */
export interface Position {
  sequence: number
  aggregateId: string
}

/** A second look finds dead letters of a consumer that held the event during the first one. */
const SECOND_LOOK_SECONDS = 60
const MAX_DELAY_SECONDS = 30
const POSITIONS = 500

/**
 * A subquery for each row has one plan, whatever the statistics say. A final event that the outbox no longer keeps was
 * published.
 */
const DUE = `SELECT e.aggregate_id::text AS "aggregateId", e.erased_at IS NOT NULL AS erased FROM erasures e
  WHERE e.due_at <= statement_timestamp() AND coalesce((SELECT o.stream_sequence IS NOT NULL FROM outbox o
    WHERE o.aggregate_id = e.aggregate_id AND o.aggregate_version = e.version), true)
  ORDER BY e.due_at LIMIT $1::int`
const FIND = `SELECT o.stream_sequence::float8 AS sequence, o.aggregate_id::text AS "aggregateId" FROM outbox o
  WHERE o.aggregate_id = ANY ($1::uuid[]) AND o.subject = ANY ($2) AND o.stream_sequence IS NOT NULL
  UNION SELECT p.stream_sequence::float8, p.aggregate_id::text FROM event_positions p
  WHERE p.aggregate_id = ANY ($1::uuid[])
  LIMIT ${POSITIONS}`
const FORGET =
  `WITH stored AS (DELETE FROM outbox
    WHERE aggregate_id = ANY ($1::uuid[]) AND stream_sequence = ANY ($2::bigint[]) AND subject = ANY ($3))
  DELETE FROM event_positions WHERE aggregate_id = ANY ($1::uuid[]) AND stream_sequence = ANY ($2::bigint[])`
/** A refused event of an aggregate that ended would keep the final one waiting, which supersedes it. */
const FORGET_REFUSED =
  `DELETE FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NOT NULL AND subject = ANY ($1)
  AND EXISTS (SELECT FROM erasures e
    WHERE e.aggregate_id = outbox.aggregate_id AND e.version > outbox.aggregate_version)`
const SETTLE =
  `UPDATE erasures SET erased_at = statement_timestamp(), attempts = 0,
    due_at = statement_timestamp() + interval '${SECOND_LOOK_SECONDS} s'
  WHERE aggregate_id = ANY ($1::uuid[]) AND NOT EXISTS (SELECT FROM outbox o
    WHERE o.aggregate_id = erasures.aggregate_id AND o.subject = ANY ($2))`
const FINISH = 'DELETE FROM erasures WHERE aggregate_id = ANY ($1::uuid[]) AND erased_at IS NOT NULL'
/** `IS TRUE` is no index condition: the index of all due rows would otherwise be read for each batch. */
const POSTPONE = `UPDATE erasures SET attempts = attempts + 1,
    due_at = statement_timestamp() + least(${MAX_DELAY_SECONDS}, 2 ^ least(attempts, 10)) * interval '1 s'
  WHERE aggregate_id = ANY ($1::uuid[]) AND (due_at <= statement_timestamp()) IS TRUE`
const OLDEST = `SELECT extract(epoch FROM statement_timestamp() - requested_at)::float8 AS seconds FROM erasures
  WHERE erased_at IS NULL ORDER BY requested_at LIMIT 1`

const PLACE =
  `INSERT INTO event_positions (stream_sequence, aggregate_id) SELECT * FROM unnest($1::bigint[], $2::uuid[])
  ON CONFLICT (stream_sequence) DO UPDATE SET aggregate_id = excluded.aggregate_id`
const REQUEST =
  `INSERT INTO erasures (aggregate_id, version)
  SELECT e.id, e.version FROM unnest($1::uuid[], $2::int[]) AS e (id, version)
  WHERE EXISTS (SELECT FROM event_positions p WHERE p.aggregate_id = e.id) ON CONFLICT DO NOTHING`
const READ = "SELECT sequence::float8 FROM stream_readings WHERE stream = 'EVENTS'"
const NOTE = `INSERT INTO stream_readings (stream, sequence) VALUES ('EVENTS', $1::bigint)
  ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence`

export type ErasureStore = ReturnType<typeof createErasureStore>

/** The aggregates to erase, and the places of their events in the stream. */
export function createErasureStore (pool: Pool) {
  return {
    async due (limit: number): Promise<DueErasure[]> {
      return (await pool.query<DueErasure>(DUE, [limit])).rows
    },
    /** Some of the messages of the aggregates; none are left once it resolves with an empty list. */
    async find (aggregateIds: string[]): Promise<Position[]> {
      return (await pool.query<Position>(FIND, [aggregateIds, ERASABLE_SUBJECTS])).rows
    },
    async forget (positions: Position[]) {
      const aggregateIds = [...new Set(positions.map((position) => position.aggregateId))]
      await pool.query(FORGET, [aggregateIds, positions.map((position) => position.sequence), ERASABLE_SUBJECTS])
    },
    async forgetRefused (): Promise<number> {
      return (await pool.query(FORGET_REFUSED, [ERASABLE_SUBJECTS])).rowCount ?? 0
    },
    /** Erasures with two looks are done; an aggregate with an unpublished row is looked at again. */
    async settle (erasures: DueErasure[]) {
      const idsOf = (erased: boolean) =>
        erasures.filter((erasure) => erasure.erased === erased).map((erasure) => erasure.aggregateId)
      await pool.query(FINISH, [idsOf(true)])
      await pool.query(SETTLE, [idsOf(false), ERASABLE_SUBJECTS])
      await pool.query(POSTPONE, [idsOf(false)])
    },
    /** Later each time. */
    async postpone (aggregateIds: string[]) {
      await pool.query(POSTPONE, [aggregateIds])
    },
    async oldestSeconds (): Promise<number> {
      return Math.max(0, (await pool.query<{ seconds: number }>(OLDEST)).rows[0]?.seconds ?? 0)
    },
    /** The sequence up to which the stream was read. */
    async readUpTo (): Promise<number> {
      return (await pool.query<{ sequence: number }>(READ)).rows[0]?.sequence ?? 0
    },
    /**
     * Notes a part of the stream that was read: places of erasable events, and ends of aggregates with such places.
     */
    async noteReading (
      { positions, ends, upTo }: {
        positions: Position[]
        ends: { aggregateId: string, version: number }[]
        upTo: number
      }
    ) {
      await transactionOfPool(pool, async (sql) => {
        await sql.query(PLACE, [
          positions.map((position) => position.sequence),
          positions.map((position) => position.aggregateId)
        ])
        await sql.query(REQUEST, [ends.map((end) => end.aggregateId), ends.map((end) => end.version)])
        await sql.query(NOTE, [upTo])
      })
    }
  }
}
