import type { SESSION_END_REASONS } from '@gatepost/contracts/auth/events'
import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import { Prisma } from '../../generated/client.ts'
import type { Connection } from '../database/database.ts'
import { type Account, accountColumns } from '../users/account.ts'

export type EndReason = typeof SESSION_END_REASONS[number]

export interface EndedSession {
  id: string
  userId: string
  accessExpiresAt: Date
}

/** The live sessions of a user that end, and why; all of them unless a member narrows it. */
export interface SessionsToEnd {
  userId: string
  only?: string
  except?: string
  /** This many of the newest sessions stay. */
  keep?: number
  reason: EndReason
}

/** The condition of a live session, on its row. */
export const LIVE = 'ended_at IS NULL AND expires_at > now()'
const LIVE_SQL = Prisma.raw(LIVE)

/** `$1` is the id of a session or of an API key. */
const FIND_ACCOUNT = `SELECT ${accountColumns('users')} FROM users
  WHERE id = (SELECT user_id FROM sessions WHERE id = $1::uuid AND ${LIVE}
    UNION ALL SELECT user_id FROM api_keys WHERE id = $1::uuid AND (expires_at IS NULL OR expires_at > now()))
  AND disabled_at IS NULL AND deleted_at IS NULL`

const LIST_LIMIT = 200

export const sessionRepository = {
  /** Ends live sessions of a user: one, all but one, all, or all but the newest. */
  async end (tx: Connection, which: SessionsToEnd): Promise<EndedSession[]> {
    const { userId, reason } = which
    return tx.$queryRaw<EndedSession[]>`
      UPDATE sessions SET ended_at = now(), end_reason = ${reason}
      WHERE user_id = ${userId}::uuid AND ${LIVE_SQL} ${narrowed(which)}
      RETURNING id, user_id AS "userId", access_expires_at AS "accessExpiresAt"`
  },

  /** The account of a live session; every call with a token begins with this. */
  async findAccount (sql: Sql, sessionId: string) {
    const [row] = await sql.query<Account>(FIND_ACCOUNT, [sessionId])
    return row
  },

  /** Whether a session is live and began within the last `seconds`. */
  async beganWithin (tx: Connection, sessionId: string, seconds: number) {
    const [row] = await tx.$queryRaw<Array<{ young: boolean }>>`
      SELECT created_at > now() - ${seconds}::int * interval '1 second' AS young
      FROM sessions WHERE id = ${sessionId}::uuid AND ${LIVE_SQL}`
    return row?.young === true
  },

  async countLive (connection: Connection, userId: string, except?: string) {
    const others = except ? Prisma.sql`AND id <> ${except}::uuid` : Prisma.empty
    const [row] = await connection.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM sessions WHERE user_id = ${userId}::uuid AND ${LIVE_SQL} ${others}`
    return row.count
  },

  listLive (connection: Connection, userId: string) {
    return connection.session.findMany({
      where: { userId, endedAt: null, expiresAt: { gt: new Date() } },
      orderBy: { lastUsedAt: 'desc' },
      take: LIST_LIMIT
    })
  },

  /** Sessions that ended or expired since then. */
  listEnded (connection: Connection, userId: string, since: Date) {
    return connection.session.findMany({
      where: {
        userId,
        OR: [{ endedAt: { gte: since } }, { endedAt: null, expiresAt: { gte: since, lte: new Date() } }]
      },
      orderBy: { lastUsedAt: 'desc' },
      take: LIST_LIMIT
    })
  },

  async eraseOrigins (tx: Connection, userId: string) {
    await tx.session.updateMany({ where: { userId }, data: { ipAddress: null, network: null, userAgent: null } })
  },

  /** Deletes sessions that ended or expired before. */
  async deleteEnded (connection: Connection, before: Date) {
    for (const column of ['ended_at', 'expires_at']) {
      await deleteBefore(connection, { table: 'sessions', column }, before)
    }
  }
}

function narrowed ({ userId, only, except, keep }: SessionsToEnd) {
  if (only) return Prisma.sql`AND id = ${only}::uuid`
  if (except) return Prisma.sql`AND id <> ${except}::uuid`
  if (keep === undefined) return Prisma.empty
  return Prisma.sql`AND id IN (
    SELECT id FROM sessions WHERE user_id = ${userId}::uuid AND ${LIVE_SQL}
    ORDER BY created_at DESC, id DESC OFFSET ${keep})`
}
