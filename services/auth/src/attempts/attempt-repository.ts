import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import { auditRepository, type AuditNote } from '../audit/audit-repository.ts'
import type { Connection } from '../database/database.ts'
import type { Origin } from '../origin.ts'
import type { AttemptCounter } from './attempt-limits.ts'

/**
 * A lock counts while its end is to come, unless it was made in what is now the future: then the database's clock was
 * set back, and its end would come too late. Statements that began before the lock did may read it too.
 */
const LOCKED = "locked_until > now() AND updated_at < now() + interval '1 minute'"

/**
 * Seconds until the last of the locks on these keys (a list of expressions) opens; null when nothing is locked. For the
 * select list of a larger statement.
 */
export const lockedSeconds = (keys: string) =>
  `(SELECT extract(epoch FROM max(locked_until) - now())::float8 FROM login_attempts WHERE key IN (${keys}) AND ${LOCKED})`

/**
 * A locked counter counts nothing, and `blocked` says so. Rows are taken in one order, so that attempts do not
 * deadlock.
 */
const RECORD_FAILURE = `WITH
  limits AS (SELECT * FROM unnest($1::bytea[], $2::int[], $3::int[], $4::int[], $5::int[], $6::int[]) AS l (key, max_failures, after_lock, lock, max_lock, memory)),
  counted AS (
    INSERT INTO login_attempts AS a (key, failures, locks, blocked, updated_at)
    SELECT key, 1, 0, 0, now() FROM limits ORDER BY key
    ON CONFLICT (key) DO UPDATE SET (failures, locks, locked_until, blocked, updated_at) = (
      SELECT
        CASE WHEN old.locked THEN a.failures WHEN fresh.failures >= l.max_failures THEN l.after_lock ELSE fresh.failures END,
        CASE WHEN old.locked THEN a.locks WHEN fresh.failures >= l.max_failures THEN fresh.locks + 1 ELSE fresh.locks END,
        CASE WHEN old.locked THEN a.locked_until WHEN fresh.failures >= l.max_failures
          THEN now() + least(l.max_lock, l.lock * power(2, least(fresh.locks, 16))) * interval '1 second' END,
        CASE WHEN old.locked THEN a.blocked + 1 ELSE 0 END,
        CASE WHEN old.locked THEN a.updated_at ELSE now() END
      FROM limits AS l
      CROSS JOIN LATERAL (SELECT coalesce(${
  LOCKED.replaceAll(/\b(?=locked_until|updated_at)/g, 'a.')
}, false) AS locked,
        greatest(a.updated_at, a.locked_until) < now() - l.memory * interval '1 second' AS forgotten) AS old
      CROSS JOIN LATERAL (SELECT CASE WHEN old.forgotten THEN 1 ELSE a.failures + 1 END AS failures,
        CASE WHEN old.forgotten THEN 0 ELSE a.locks END AS locks) AS fresh
      WHERE l.key = a.key
    )
    RETURNING blocked, locked_until),
  noted AS (${auditRepository.insertion(7)})
  SELECT max(extract(epoch FROM locked_until - now())) FILTER (WHERE blocked > 0)::float8 AS "blockedSeconds" FROM counted`

export const attemptRepository = {
  /**
   * Counts one failure in each counter, locks those that are full, and writes it down: one statement. Seconds to wait
   * when a counter was full already, so that this attempt tells nothing; else null.
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

  /** In the order of {@link RECORD_FAILURE}, so that neither waits for the other. */
  async forget (tx: Connection, counters: AttemptCounter[]) {
    await tx.$executeRaw`DELETE FROM login_attempts WHERE key IN (
      SELECT key FROM login_attempts WHERE key = ANY(${
      counters.map(({ key }) => new Uint8Array(key))
    }::bytea[]) ORDER BY key FOR UPDATE)`
  },

  async deleteForgotten (connection: Connection, before: Date) {
    await deleteBefore(connection, {
      table: 'login_attempts',
      column: 'updated_at',
      and: 'locked_until IS NULL OR locked_until < $1::timestamptz'
    }, before)
  }
}
