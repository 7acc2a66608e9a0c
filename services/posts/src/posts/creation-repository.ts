import type { Post } from '@gatepost/contracts/posts/schemas'
import type { OutboxRow } from '@gatepost/events/outbox'
import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Connection } from '../database.ts'

/** An Idempotency-Key and the request that it names. */
export interface KeyClaim {
  key: string
  /** SHA-256 of the request. */
  fingerprint: Uint8Array
}

export type Creation = 'created' | 'author-gone' | 'in-flight' | 'key-known'

const ALIVE = 'NOT EXISTS (SELECT FROM deleted_authors WHERE author_id = $2::uuid)'
const INSERT_POST = `INSERT INTO posts (id, author_id, title, content, version, created_at, updated_at)
  SELECT $1::uuid, $2::uuid, $3::text, $4::text, 1, $5::timestamptz, $5::timestamptz`
const INSERT_EVENT = `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  SELECT $6::uuid, id, 1, $7::text, $8::text FROM post`

/** One statement is one transaction and one round trip: nearly twice as fast as four. */
const CREATE = `WITH post AS (${INSERT_POST} WHERE ${ALIVE} RETURNING id), event AS (${INSERT_EVENT})
  SELECT EXISTS (SELECT FROM post) AS created`

/*
 * The same with the key in it. The advisory lock tells a request in flight without waiting for it; the unique key
 * decides. An expired key that is not pruned yet is taken over.
 */
const CREATE_WITH_KEY = `WITH
  flight AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended($2::text || $9::text, 0)) AS free, ${ALIVE} AS alive
  ),
  claim AS (
    INSERT INTO idempotency_keys AS known (user_id, key, fingerprint, post_id, created_at)
    SELECT $2::uuid, $9::text, $10::bytea, $1::uuid, $5::timestamptz FROM flight WHERE free AND alive
    ON CONFLICT (user_id, key) DO UPDATE
      SET fingerprint = excluded.fingerprint, post_id = excluded.post_id, created_at = excluded.created_at
      WHERE known.created_at <= $11::timestamptz
    RETURNING post_id
  ),
  post AS (${INSERT_POST} FROM claim RETURNING id),
  event AS (${INSERT_EVENT})
  SELECT free, alive, EXISTS (SELECT FROM post) AS created FROM flight`

export const creationRepository = {
  /** Stores post and event, and the key if there is one: all of them or nothing. */
  async create (sql: Sql, post: Post, event: OutboxRow, claim?: KeyClaim & { expired: Date }): Promise<Creation> {
    const values = [
      post.id,
      post.authorId,
      post.title,
      post.content,
      post.createdAt,
      event.eventId,
      event.subject,
      event.payload
    ]
    if (!claim) {
      const [row] = await sql.query<{ created: boolean }>(CREATE, values)
      return row!.created ? 'created' : 'author-gone'
    }
    const [row] = await sql.query<{ free: boolean, alive: boolean, created: boolean }>(
      CREATE_WITH_KEY, [...values, claim.key, claim.fingerprint, claim.expired.toISOString()]
    )
    if (row!.created) return 'created'
    if (!row!.alive) return 'author-gone'
    return row!.free ? 'key-known' : 'in-flight'
  },

  findKey (connection: Connection, userId: string, key: string) {
    return connection.idempotencyKey.findUnique({ where: { userId_key: { userId, key } } })
  },

  pruneKeys (connection: Connection, expired: Date) {
    return deleteBefore(connection, { table: 'idempotency_keys', column: 'created_at' }, expired)
  }
}
