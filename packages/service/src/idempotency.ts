import { createHash } from 'node:crypto'
import type { ProblemCode } from '@gatepost/contracts/problems'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import type { Sql } from '@gatepost/service-kit/sql'

const KEY_LIFE = "interval '24 hours'"
const RETRY_SECONDS = 1
const BATCH = 1_000

const LOCK = 'SELECT pg_try_advisory_xact_lock(hashtextextended($1::text || $2::text, 0)) AS free'
const FIND = `SELECT fingerprint, answer FROM idempotency_keys
  WHERE user_id = $1::uuid AND key = $2::text AND created_at > now() - ${KEY_LIFE}`
const KEEP = `INSERT INTO idempotency_keys (user_id, key, fingerprint, answer)
  VALUES ($1::uuid, $2::text, $3::bytea, $4::text)
  ON CONFLICT (user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, answer = excluded.answer,
    created_at = now()`
const PRUNE = `DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
  SELECT ctid FROM idempotency_keys WHERE created_at < now() - ${KEY_LIFE}
  ORDER BY created_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)) RETURNING 1`

export interface KeyedRequest {
  /** What the service's codes begin with. */
  prefix: string
  userId: string
  /** The Idempotency-Key; without one the work is simply done. */
  key: string | undefined
  /** What is asked for: members in another order are another request. */
  body: unknown
}

export interface Keyed<Answer> {
  answer: Answer
  /** Whether it is the answer to an earlier request. */
  replayed: boolean
}

/**
 * Does the work of a request once for its key, in the caller's transaction, and answers the next one with the key as
 * the first. Throws `<PREFIX>_REQUEST_IN_FLIGHT` while another one is at work, and `<PREFIX>_IDEMPOTENCY_KEY_REUSED`
 * for another body. A request that is refused leaves its key free.
 */
export async function once<Answer> (
  sql: Sql,
  { prefix, userId, key, body }: KeyedRequest,
  work: () => Promise<Answer>
): Promise<Keyed<Answer>> {
  if (key === undefined) return { answer: await work(), replayed: false }
  const fingerprint = createHash('sha256').update(JSON.stringify(body)).digest()
  const [lock] = await sql.query<{ free: boolean }>(LOCK, [userId, key])
  if (!lock!.free) {
    throw new ProblemError(`${prefix}_REQUEST_IN_FLIGHT` as ProblemCode, { headers: retryAfter(RETRY_SECONDS) })
  }
  const [known] = await sql.query<{ fingerprint: Uint8Array, answer: string }>(FIND, [userId, key])
  if (known) {
    if (!fingerprint.equals(known.fingerprint)) {
      throw new ProblemError(`${prefix}_IDEMPOTENCY_KEY_REUSED` as ProblemCode)
    }
    return { answer: JSON.parse(known.answer), replayed: true }
  }
  const answer = await work()
  await sql.query(KEEP, [userId, key, fingerprint, JSON.stringify(answer)])
  return { answer, replayed: false }
}

/** Forgets the keys whose day is over, a thousand a statement. */
export async function pruneKeys (sql: Sql): Promise<void> {
  for (let count = BATCH; count === BATCH;) count = (await sql.query(PRUNE)).length
}
