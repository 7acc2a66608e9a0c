import { Prisma } from '../../generated/client.ts'
import { auditRepository, type AuditNote } from '../audit/audit-repository.ts'
import { type Connection } from '../database/database.ts'
import { type Origin } from '../origin.ts'
import { type AttemptCounter } from './attempt-limits.ts'

/** Seconds until the last of the locks opens; null when nothing is locked. For the select list of a larger statement. */
export function lockedSeconds (counters: AttemptCounter[]) {
  if (counters.length === 0) return Prisma.sql`NULL::float8`
  return Prisma.sql`(SELECT extract(epoch FROM max(locked_until) - now())::float8 FROM login_attempts
    WHERE key IN (${Prisma.join(counters.map(({ key }) => bytes(key)))}) AND locked_until > now())`
}

/** Forgets the failures of one counter, as part of a larger statement. */
export function failureDeletion (counter: AttemptCounter, when: Prisma.Sql) {
  return Prisma.sql`DELETE FROM login_attempts WHERE key = ${bytes(counter.key)} AND ${when}`
}

/**
 * Counts one failure in each counter and locks those that are full, as part of a larger statement. A locked counter counts
 * nothing, and `blocked` says so. Rows are taken in one order, so that attempts do not deadlock.
 */
function failureInsertion (counters: AttemptCounter[]) {
  const limits = counters.map((counter) => Prisma.sql`(${bytes(counter.key)}, ${counter.maxFailures}::int, ${counter.failuresAfterLock}::int,
    ${counter.lockSeconds}::int, ${counter.maxLockSeconds}::int, ${counter.memorySeconds}::int)`)
  return Prisma.sql`
    INSERT INTO login_attempts AS a (key, failures, locks, blocked, updated_at)
    SELECT key, 1, 0, 0, now() FROM (VALUES ${Prisma.join(limits)}) AS l (key, max_failures, after_lock, lock, max_lock, memory) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET (failures, locks, locked_until, blocked, updated_at) = (
      SELECT
        CASE WHEN old.locked THEN a.failures WHEN fresh.failures >= l.max_failures THEN l.after_lock ELSE fresh.failures END,
        CASE WHEN old.locked THEN a.locks WHEN fresh.failures >= l.max_failures THEN fresh.locks + 1 ELSE fresh.locks END,
        CASE WHEN old.locked THEN a.locked_until WHEN fresh.failures >= l.max_failures
          THEN now() + least(l.max_lock, l.lock * power(2, least(fresh.locks, 16))) * interval '1 second' END,
        CASE WHEN old.locked THEN a.blocked + 1 ELSE 0 END,
        CASE WHEN old.locked THEN a.updated_at ELSE now() END
      FROM (VALUES ${Prisma.join(limits)}) AS l (key, max_failures, after_lock, lock, max_lock, memory)
      CROSS JOIN LATERAL (SELECT coalesce(a.locked_until > now(), false) AS locked,
        greatest(a.updated_at, a.locked_until) < now() - l.memory * interval '1 second' AS forgotten) AS old
      CROSS JOIN LATERAL (SELECT CASE WHEN old.forgotten THEN 1 ELSE a.failures + 1 END AS failures,
        CASE WHEN old.forgotten THEN 0 ELSE a.locks END AS locks) AS fresh
      WHERE l.key = a.key
    )
    RETURNING blocked, locked_until`
}

export const attemptRepository = {
  /** Counts a failure and writes it down. Seconds to wait when a counter was full already, so that this attempt tells nothing; else null. */
  async recordFailure (connection: Connection, { counters, origin, note }: { counters: AttemptCounter[], origin: Origin, note: AuditNote }) {
    const [row] = await connection.$queryRaw<[{ blockedSeconds: number | null }]>`
      WITH counted AS (${failureInsertion(counters)}), noted AS (${auditRepository.insertion(origin, note, Prisma.empty)})
      SELECT max(extract(epoch FROM locked_until - now())) FILTER (WHERE blocked > 0)::float8 AS "blockedSeconds" FROM counted`
    return row.blockedSeconds
  },

  async forget (tx: Connection, counters: AttemptCounter[]) {
    await tx.loginAttempt.deleteMany({ where: { key: { in: counters.map(({ key }) => new Uint8Array(key)) } } })
  },

  async deleteForgotten (connection: Connection, seconds: number) {
    await connection.$executeRaw`DELETE FROM login_attempts WHERE greatest(updated_at, locked_until) < now() - ${seconds}::int * interval '1 second'`
  }
}

function bytes (key: Buffer) {
  return Prisma.sql`decode(${key.toString('hex')}, 'hex')`
}
