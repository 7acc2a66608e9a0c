import type { Sql } from '@gatepost/service-kit/sql'
import { Prisma } from '../../generated/client.ts'
import type { Connection } from '../database/database.ts'
import type { Origin } from '../origin.ts'
import { type Account, accountColumns } from '../users/account.ts'
import { LIVE } from './session-repository.ts'
import type { SessionLifetimes } from './session-start-repository.ts'
import type { IssuedSession } from './session-tokens.ts'

/** A session under its row's lock: the facts of the refresh state machine. */
export interface LockedSession {
  userId: string
  counter: number
  live: boolean
  /** Seconds since the counter moved. */
  movedAgo: number
  accessExpiresAt: Date
}

const ROTATE = `WITH life AS (SELECT now() + $1::int * interval '1 second' AS idle),
  moved AS (
    UPDATE sessions SET counter = counter + 1, last_used_at = now(), expires_at = least(life.idle, absolute_expiry),
      access_expires_at = greatest(access_expires_at, least($2::timestamptz, life.idle, absolute_expiry)),
      ip_address = $3::text, user_agent = $4::text
    FROM life WHERE id = $5::uuid AND counter = $6::int AND ${LIVE}
    RETURNING user_id, counter, least($2::timestamptz, expires_at) AS access_expires_at)
SELECT ${accountColumns('users')}, moved.counter, moved.access_expires_at AS "accessExpiresAt"
FROM moved JOIN users ON users.id = moved.user_id`

/** Reads and writes of the refresh state machine. */
export const refreshRepository = {
  /** Compare-and-swap: of the callers that present one counter, exactly one moves it on. Null for the others. */
  async rotate (sql: Sql, { sessionId, counter, origin, accessExpiry, lifetimes }: {
    sessionId: string, counter: number, origin: Origin, accessExpiry: Date, lifetimes: SessionLifetimes
  }): Promise<{ account: Account, session: IssuedSession } | null> {
    const [row] = await sql.query<Account & { counter: number, accessExpiresAt: Date }>(
      ROTATE, [lifetimes.idleSeconds, accessExpiry, origin.address, origin.userAgent, sessionId, counter]
    )
    if (!row) return null
    const { counter: next, accessExpiresAt, ...account } = row
    return { account, session: { sessionId, counter: next, accessExpiresAt } }
  },

  async lock (tx: Connection, sessionId: string, accessExpiry: Date): Promise<LockedSession | undefined> {
    const [row] = await tx.$queryRaw<LockedSession[]>`
      SELECT user_id AS "userId", counter, ${Prisma.raw(LIVE)} AS live,
        extract(epoch FROM clock_timestamp() - last_used_at)::float8 AS "movedAgo",
        least(${accessExpiry}::timestamptz, expires_at) AS "accessExpiresAt"
      FROM sessions WHERE id = ${sessionId}::uuid FOR UPDATE`
    return row
  },

  /** Notes the end of one more access token. */
  async extendAccess (tx: Connection, sessionId: string, accessExpiresAt: Date) {
    await tx.$executeRaw`
      UPDATE sessions SET access_expires_at = greatest(access_expires_at, ${accessExpiresAt}::timestamptz)
      WHERE id = ${sessionId}::uuid`
  },

  /** The user of a session, live or not. */
  findHolder (connection: Connection, sessionId: string) {
    return connection.session.findUnique({ where: { id: sessionId }, select: { userId: true, counter: true } })
  }
}
