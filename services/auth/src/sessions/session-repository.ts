import type { SESSION_END_REASONS } from '@gatepost/contracts/auth/events'
import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Prisma } from '../../generated/client.ts'
import type { AttemptCounter } from '../attempts/attempt-limits.ts'
import { lockedSeconds } from '../attempts/attempt-repository.ts'
import { type AuditAct, auditRepository } from '../audit/audit-repository.ts'
import type { Connection } from '../database/database.ts'
import type { Origin } from '../origin.ts'
import { accountColumns, type Account } from '../users/account.ts'
import type { IssuedSession } from './session-tokens.ts'

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

/** Which of a user's live sessions end, and why; all of them when nothing narrows it. */
export interface SessionsToEnd {
  userId: string
  only?: string
  except?: string
  /** The newest so many stay. */
  keep?: number
  reason: EndReason
}

export interface NewSession {
  account: { id: string, passwordHash: string }
  origin: Origin
  accessExpiry: Date
  lifetimes: SessionLifetimes
  act: AuditAct
  counters: AttemptCounter[]
  room: number
}

export interface Beginning {
  begun: { account: Account, session: IssuedSession } | null
  lockedSeconds: number | null
  crowded: boolean
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

const LIVE = 'ended_at IS NULL AND expires_at > now()'
const LIVE_SQL = Prisma.raw(LIVE)

/**
 * The lock on the account makes its changes wait, or makes this wait for them: what is begun bears the role that the
 * row has then.
 */
const BEGIN = `WITH held AS (SELECT ${lockedSeconds('$1::bytea, $2::bytea, $3::bytea')} AS seconds),
    crowd AS (SELECT count(*) >= $20::int AS full FROM (SELECT FROM sessions WHERE user_id = $4::uuid AND ${LIVE} LIMIT $20::int) AS live),
    account AS (SELECT ${accountColumns('users')} FROM users, held, crowd
      WHERE id = $4::uuid AND password_hash = $5::text AND disabled_at IS NULL AND held.seconds IS NULL AND NOT crowd.full FOR SHARE OF users),
    session AS (INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at, ip_address, network, user_agent)
      SELECT $6::uuid, account.id, now(), now(), life.idle, life.absolute, least($7::timestamptz, life.idle), $8::text, $9::text, $10::text
      FROM account, (SELECT now() + $11::int * interval '1 second' AS absolute, now() + least($11::int, $12::int) * interval '1 second' AS idle) AS life
      RETURNING counter, access_expires_at),
    forgotten AS (DELETE FROM login_attempts WHERE key = $1::bytea AND EXISTS (SELECT FROM session)),
    noted AS (${auditRepository.insertion(13)} FROM session)
  SELECT account.*, session.counter, session.access_expires_at AS "accessExpiresAt", held.seconds AS "lockedSeconds", crowd.full AS crowded
  FROM held CROSS JOIN crowd LEFT JOIN (account CROSS JOIN session) ON true`

const ROTATE = `WITH life AS (SELECT now() + $1::int * interval '1 second' AS idle),
    moved AS (UPDATE sessions SET counter = counter + 1, last_used_at = now(), expires_at = least(life.idle, absolute_expiry),
      access_expires_at = greatest(access_expires_at, least($2::timestamptz, life.idle, absolute_expiry)), ip_address = $3::text, user_agent = $4::text
      FROM life WHERE id = $5::uuid AND counter = $6::int AND ${LIVE}
      RETURNING user_id, counter, least($2::timestamptz, expires_at) AS access_expires_at)
  SELECT ${
  accountColumns('users')
}, moved.counter, moved.access_expires_at AS "accessExpiresAt" FROM moved JOIN users ON users.id = moved.user_id`

/** The id of a session, or of an API key. */
const FIND_ACCOUNT = `SELECT ${accountColumns('users')} FROM users
  WHERE id = (SELECT user_id FROM sessions WHERE id = $1::uuid AND ${LIVE}
    UNION ALL SELECT user_id FROM api_keys WHERE id = $1::uuid AND (expires_at IS NULL OR expires_at > now()))
  AND disabled_at IS NULL AND deleted_at IS NULL`

type BegunRow = Account & {
  counter: number | null
  accessExpiresAt: Date
  lockedSeconds: number | null
  crowded: boolean
}

export const sessionRepository = {
  /**
   * Begins a session, forgets the failures that went before, and writes it down: one statement. Null when the account
   * was disabled or its password changed since that was checked, when an attempt beside this one locked it
   * (`lockedSeconds`), or when the account has `room` live sessions or more (`crowded`).
   */
  async begin (
    sql: Sql,
    { account: { id, passwordHash }, origin, accessExpiry, lifetimes, act, counters, room }: NewSession
  ): Promise<Beginning> {
    const sessionId = uuidv7()
    const [pair, ...others] = counters
    const [row] = await sql.query<BegunRow>(BEGIN, [
      pair?.key ?? null,
      others[0]?.key ?? null,
      others[1]?.key ?? null,
      id,
      passwordHash,
      sessionId,
      accessExpiry,
      origin.address,
      origin.network,
      origin.userAgent,
      lifetimes.absoluteSeconds,
      lifetimes.idleSeconds,
      ...auditRepository.values(origin, { act, userId: id, sessionId }),
      room
    ])
    const { counter, accessExpiresAt, lockedSeconds, crowded, ...account } = row!
    return {
      begun: counter === null ? null : { account, session: { sessionId, counter, accessExpiresAt } },
      lockedSeconds,
      crowded
    }
  },

  /** Compare-and-swap: exactly one caller moves the counter on from where it was presented. Null for all others. */
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
      SELECT user_id AS "userId", counter, ${LIVE_SQL} AS live, extract(epoch FROM clock_timestamp() - last_used_at)::float8 AS "movedAgo",
        least(${accessExpiry}::timestamptz, expires_at) AS "accessExpiresAt"
      FROM sessions WHERE id = ${sessionId}::uuid FOR UPDATE`
    return row
  },

  /** Notes that one more access token is out. */
  async extendAccess (tx: Connection, sessionId: string, accessExpiresAt: Date) {
    await tx
      .$executeRaw`UPDATE sessions SET access_expires_at = greatest(access_expires_at, ${accessExpiresAt}::timestamptz) WHERE id = ${sessionId}::uuid`
  },

  /** Ends the live ones among a user's sessions: one, all but one, all, or all but the newest so many. */
  async end (tx: Connection, which: SessionsToEnd): Promise<EndedSession[]> {
    const { userId, reason } = which
    return tx.$queryRaw<EndedSession[]>`
      UPDATE sessions SET ended_at = now(), end_reason = ${reason} WHERE user_id = ${userId}::uuid AND ${LIVE_SQL} ${
      narrowed(which)
    }
      RETURNING id, user_id AS "userId", access_expires_at AS "accessExpiresAt"`
  },

  /** The account that a live session belongs to: what every call with a token begins with. */
  async findAccount (sql: Sql, sessionId: string) {
    const [row] = await sql.query<Account>(FIND_ACCOUNT, [sessionId])
    return row
  },

  /** Whether a session is live and began with a login of the last so many seconds. */
  async beganWithin (tx: Connection, sessionId: string, seconds: number) {
    const [row] = await tx.$queryRaw<Array<{ young: boolean }>>`
      SELECT created_at > now() - ${seconds}::int * interval '1 second' AS young FROM sessions WHERE id = ${sessionId}::uuid AND ${LIVE_SQL}`
    return row?.young === true
  },

  /** Whose session it is, live or not. */
  findHolder (connection: Connection, sessionId: string) {
    return connection.session.findUnique({ where: { id: sessionId }, select: { userId: true, counter: true } })
  },

  async countLive (connection: Connection, userId: string, except?: string) {
    const [row] = await connection.$queryRaw<[{ count: number }]>`
      SELECT count(*)::int AS count FROM sessions WHERE user_id = ${userId}::uuid AND ${LIVE_SQL} ${
      except ? Prisma.sql`AND id <> ${except}::uuid` : Prisma.empty
    }`
    return row.count
  },

  listLive (connection: Connection, userId: string) {
    return connection.session.findMany({
      where: { userId, endedAt: null, expiresAt: { gt: new Date() } },
      orderBy: { lastUsedAt: 'desc' },
      take: LIST_LIMIT
    })
  },

  /** Those that were ended, and those that expired, since then. */
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

  /** Sessions whose end nobody can ask about any more. */
  async deleteEnded (connection: Connection, before: Date) {
    for (const column of ['ended_at', 'expires_at']) {
      await deleteBefore(connection, { table: 'sessions', column }, before)
    }
  }
}

const LIST_LIMIT = 200

function narrowed ({ userId, only, except, keep }: SessionsToEnd) {
  if (only) return Prisma.sql`AND id = ${only}::uuid`
  if (except) return Prisma.sql`AND id <> ${except}::uuid`
  if (keep === undefined) return Prisma.empty
  return Prisma
    .sql`AND id IN (SELECT id FROM sessions WHERE user_id = ${userId}::uuid AND ${LIVE_SQL} ORDER BY created_at DESC, id DESC OFFSET ${keep})`
}
