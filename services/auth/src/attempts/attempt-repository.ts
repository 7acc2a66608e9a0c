import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import { auditRepository, type AuditNote } from '../audit/audit-repository.ts'
import type { Connection } from '../database/database.ts'
import type { Origin } from '../origin.ts'
import type { AttemptCounter } from './attempt-limits.ts'

/**
 * A lock holds until its end. A lock of the future does not hold: the database's clock was set back since, and the end
 * would come too late. The minute lets a statement see a lock that is younger than the statement's own `now()`.
 */
const lockedIn = (row: string) => `${row}.locked_until > now() AND ${row}.updated_at < now() + interval '1 minute'`

/**
 * Seconds until the last lock on these keys (a list of SQL expressions) opens; null when none is locked. An expression
 * for the select list of a larger statement.
 */
export const lockedSeconds = (keys: string) =>
  `(SELECT extract(epoch FROM max(locked_until) - now())::float8 FROM login_attempts AS attempt
    WHERE key IN (${keys}) AND ${lockedIn('attempt')})`

/**
 * A locked counter does not count; its `blocked` does. Rows are locked in the order of their keys, so that attempts do
 * not deadlock.
 */
const RECORD_FAILURE = `WITH
  limits AS (SELECT * FROM unnest($1::bytea[], $2::int[], $3::int[], $4::int[], $5::int[], $6::int[])
    AS l (key, max_failures, after_lock, lock, max_lock, memory)),
  counted AS (
    INSERT INTO login_attempts AS a (key, failures, locks, blocked, updated_at)
    SELECT key, 1, 0, 0, now() FROM limits ORDER BY key
    ON CONFLICT (key) DO UPDATE SET (failures, locks, locked_until, blocked, updated_at) = (
      SELECT
        CASE WHEN old.locked THEN a.failures WHEN fresh.full THEN l.after_lock ELSE fresh.failures END,
        CASE WHEN old.locked THEN a.locks WHEN fresh.full THEN fresh.locks + 1 ELSE fresh.locks END,
        CASE WHEN old.locked THEN a.locked_until WHEN fresh.full
          THEN now() + least(l.max_lock, l.lock * power(2, least(fresh.locks, 16))) * interval '1 second' END,
        CASE WHEN old.locked THEN a.blocked + 1 ELSE 0 END,
        CASE WHEN old.locked THEN a.updated_at ELSE now() END
      FROM limits AS l
      CROSS JOIN LATERAL (SELECT coalesce(${lockedIn('a')}, false) AS locked,
        greatest(a.updated_at, a.locked_until) < now() - l.memory * interval '1 second' AS forgotten) AS old
      CROSS JOIN LATERAL (SELECT CASE WHEN old.forgotten THEN 0 ELSE a.locks END AS locks,
        CASE WHEN old.forgotten THEN 1 ELSE a.failures + 1 END AS failures) AS counting
      CROSS JOIN LATERAL (SELECT counting.*, counting.failures >= l.max_failures AS full) AS fresh
      WHERE l.key = a.key
    )
    RETURNING blocked, locked_until),
  noted AS (${auditRepository.insertion(7)})
  SELECT max(extract(epoch FROM locked_until - now())) FILTER (WHERE blocked > 0)::float8 AS "blockedSeconds"
  FROM counted`

export const attemptRepository = {
  /**
   * Counts one failure in each counter, locks the counters that are full, and appends to the audit trail, in one
   * statement. Returns the seconds to wait when a counter was locked already, so that the attempt tells nothing about
   * the password; else null.
   */
  async recordFailure (
    sql: Sql,
    { counters, origin, note }: { counters: AttemptCounter[], origin: Origin, note: AuditNote }
  ) {
    const column = <Name extends keyof AttemptCounter>(name: Name) => counters.map((counter) => counter[name])
    const [row] = await sql.query<{ blockedSeconds: number | null }>(RECORD_FAILURE, [
      column('key'),
      column('maxFailures'),
      column('failuresAfterLock'),
      column('lockSeconds'),
      column('maxLockSeconds'),
      column('memorySeconds'),
      ...auditRepository.values(origin, note)
    ])
    return row!.blockedSeconds
  },

  /** Locks rows in the order of {@link RECORD_FAILURE}, so that the two do not deadlock. */
  async forget (tx: Connection, counters: AttemptCounter[]) {
    const keys = counters.map(({ key }) => new Uint8Array(key))
    await tx.$executeRaw`
      DELETE FROM login_attempts WHERE key IN (
        SELECT key FROM login_attempts WHERE key = ANY(${keys}::bytea[]) ORDER BY key FOR UPDATE)`
  },

  async deleteForgotten (connection: Connection, before: Date) {
    await deleteBefore(connection, {
      table: 'login_attempts',
      column: 'updated_at',
      and: 'locked_until IS NULL OR locked_until < $1::timestamptz'
    }, before)
  }
}
