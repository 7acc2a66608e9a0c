import { uuidv7 } from '@gatepost/service-kit/uuid'
import { type SESSION_END_REASONS } from '@gatepost/contracts/auth/events'
import { Prisma } from '../../generated/client.ts'
import { type AttemptCounter } from '../attempts/attempt-limits.ts'
import { failureDeletion, lockedSeconds } from '../attempts/attempt-repository.ts'
import { auditRepository, type AuditAct } from '../audit/audit-repository.ts'
import { type Connection } from '../database/database.ts'
import { type Origin } from '../origin.ts'
import { accountColumns, type Account } from '../users/user-repository.ts'
import { type IssuedSession } from './session-tokens.ts'

export type EndReason = typeof SESSION_END_REASONS[number]

export interface SessionLifetimes {
  idleSeconds: number
  absoluteSeconds: number
}

export interface EndedSession {
  id: string
  userId: string
  accessExpiresAt: Date
}

/** A session under its row's lock, with what the refresh state machine decides by. */
export interface LockedSession {
  userId: string
  counter: number
  live: boolean
  /** Seconds since the counter moved. */
  movedAgo: number
  accessExpiresAt: Date
}

const LIVE = Prisma.sql`ended_at IS NULL AND expires_at > now()`

export const sessionRepository = {
  /**
   * Begins a session, forgets the failures that went before, and writes it down: one statement. Nothing happens when the
   * account has changed since its password was checked, or when an attempt beside this one locked it; the lock is told.
   */
  async begin (connection: Connection, { account, passwordHash, origin, accessExpiry, lifetimes, act, counters }: {
    account: Account, passwordHash: string, origin: Origin, accessExpiry: Date, lifetimes: SessionLifetimes, act: AuditAct, counters: AttemptCounter[]
  }): Promise<{ session: IssuedSession | null, lockedSeconds: number | null }> {
    const sessionId = uuidv7()
    const [row] = await connection.$queryRaw<[{ counter: number | null, accessExpiresAt: Date, lockedSeconds: number | null }]>`
      WITH held AS (SELECT ${lockedSeconds(counters)} AS seconds),
        account AS (SELECT id FROM users, held WHERE id = ${account.id}::uuid AND password_hash = ${passwordHash} AND disabled_at IS NULL AND held.seconds IS NULL FOR SHARE OF users),
        session AS (INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at, ip_address, network, user_agent)
          SELECT ${sessionId}::uuid, account.id, now(), now(), life.idle, life.absolute, least(${accessExpiry}::timestamptz, life.idle), ${origin.address}, ${origin.network}, ${origin.userAgent}
          FROM account, (SELECT now() + ${lifetimes.absoluteSeconds}::int * interval '1 second' AS absolute,
            least(now() + ${lifetimes.idleSeconds}::int * interval '1 second', now() + ${lifetimes.absoluteSeconds}::int * interval '1 second') AS idle) AS life
          RETURNING counter, access_expires_at),
        forgotten AS (${counters[0] ? failureDeletion(counters[0], Prisma.sql`EXISTS (SELECT FROM session)`) : Prisma.sql`SELECT`}),
        noted AS (${auditRepository.insertion(origin, { act, userId: account.id, sessionId }, Prisma.sql`FROM session`)})
      SELECT session.counter, session.access_expires_at AS "accessExpiresAt", held.seconds AS "lockedSeconds" FROM held LEFT JOIN session ON true`
    return {
      session: row.counter === null ? null : { sessionId, counter: row.counter, accessExpiresAt: row.accessExpiresAt },
      lockedSeconds: row.lockedSeconds
    }
  },

  /** Compare-and-swap: exactly one caller moves the counter on from where it was presented. Null for all others. */
  async rotate (connection: Connection, { sessionId, counter, origin, accessExpiry, lifetimes }: {
    sessionId: string, counter: number, origin: Origin, accessExpiry: Date, lifetimes: SessionLifetimes
  }): Promise<{ account: Account, session: IssuedSession } | null> {
    const [row] = await connection.$queryRaw<Array<Account & { counter: number, accessExpiresAt: Date }>>`
      WITH life AS (SELECT now() + ${lifetimes.idleSeconds}::int * interval '1 second' AS idle),
        moved AS (UPDATE sessions SET counter = counter + 1, last_used_at = now(), expires_at = least(life.idle, absolute_expiry),
          access_expires_at = greatest(access_expires_at, least(${accessExpiry}::timestamptz, life.idle, absolute_expiry)),
          ip_address = ${origin.address}, user_agent = ${origin.userAgent}
          FROM life WHERE id = ${sessionId}::uuid AND counter = ${counter}::int AND ${LIVE}
          RETURNING user_id, counter, least(${accessExpiry}::timestamptz, expires_at) AS access_expires_at)
      SELECT ${accountColumns('users')}, moved.counter, moved.access_expires_at AS "accessExpiresAt" FROM moved JOIN users ON users.id = moved.user_id`
    if (!row) return null
    const { counter: next, accessExpiresAt, ...account } = row
    return { account, session: { sessionId, counter: next, accessExpiresAt } }
  },

  async lock (tx: Connection, sessionId: string, accessExpiry: Date): Promise<LockedSession | undefined> {
    const [row] = await tx.$queryRaw<LockedSession[]>`
      SELECT user_id AS "userId", counter, ${LIVE} AS live, extract(epoch FROM clock_timestamp() - last_used_at)::float8 AS "movedAgo",
        least(${accessExpiry}::timestamptz, expires_at) AS "accessExpiresAt"
      FROM sessions WHERE id = ${sessionId}::uuid FOR UPDATE`
    return row
  },

  /** Notes that one more access token is out. */
  async extendAccess (tx: Connection, sessionId: string, accessExpiresAt: Date) {
    await tx.$executeRaw`UPDATE sessions SET access_expires_at = greatest(access_expires_at, ${accessExpiresAt}::timestamptz) WHERE id = ${sessionId}::uuid`
  },

  /** Ends the live ones among a user's sessions: one, all but one, or all. */
  async end (tx: Connection, { userId, only, except, reason }: { userId: string, only?: string, except?: string, reason: EndReason }): Promise<EndedSession[]> {
    const which = only ? Prisma.sql`AND id = ${only}::uuid` : except ? Prisma.sql`AND id <> ${except}::uuid` : Prisma.empty
    return tx.$queryRaw<EndedSession[]>`
      UPDATE sessions SET ended_at = now(), end_reason = ${reason} WHERE user_id = ${userId}::uuid AND ${LIVE} ${which}
      RETURNING id, user_id AS "userId", access_expires_at AS "accessExpiresAt"`
  },

  /** The account that a live session belongs to: what every call with a token begins with. */
  async findAccount (connection: Connection, sessionId: string) {
    const [row] = await connection.$queryRaw<Account[]>`
      SELECT ${accountColumns('users')} FROM sessions JOIN users ON users.id = sessions.user_id
      WHERE sessions.id = ${sessionId}::uuid AND ${LIVE} AND disabled_at IS NULL AND deleted_at IS NULL`
    return row
  },

  /** Whose session it is, live or not. */
  findHolder (connection: Connection, sessionId: string) {
    return connection.session.findUnique({ where: { id: sessionId }, select: { userId: true, counter: true } })
  },

  async countLive (connection: Connection, userId: string, except?: string) {
    const [row] = await connection.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM sessions WHERE user_id = ${userId}::uuid AND ${LIVE} ${except ? Prisma.sql`AND id <> ${except}::uuid` : Prisma.empty}`
    return row.count
  },

  listLive (connection: Connection, userId: string) {
    return connection.session.findMany({ where: { userId, endedAt: null, expiresAt: { gt: new Date() } }, orderBy: { lastUsedAt: 'desc' }, take: LIST_LIMIT })
  },

  /** Those that were ended, and those that expired, since then. */
  listEnded (connection: Connection, userId: string, since: Date) {
    return connection.session.findMany({
      where: { userId, OR: [{ endedAt: { gte: since } }, { endedAt: null, expiresAt: { gte: since, lte: new Date() } }] },
      orderBy: { lastUsedAt: 'desc' },
      take: LIST_LIMIT
    })
  },

  async eraseOrigins (tx: Connection, userId: string) {
    await tx.session.updateMany({ where: { userId }, data: { ipAddress: null, network: null, userAgent: null } })
  },

  /** Sessions whose end nobody can ask about any more. */
  async deleteEnded (connection: Connection, before: Date) {
    await connection.session.deleteMany({ where: { OR: [{ endedAt: { lt: before } }, { expiresAt: { lt: before } }] } })
  }
}

const LIST_LIMIT = 200
