import type { Sql } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { AttemptCounter } from '../attempts/attempt-limits.ts'
import { lockedSeconds } from '../attempts/attempt-repository.ts'
import { type AuditAct, auditRepository } from '../audit/audit-repository.ts'
import type { Origin } from '../origin.ts'
import { type Account, accountColumns } from '../users/account.ts'
import { LIVE } from './session-repository.ts'
import type { IssuedSession } from './session-tokens.ts'

export interface SessionLifetimes {
  idleSeconds: number
  absoluteSeconds: number
}

export interface NewSession {
  account: { id: string, passwordHash: string }
  origin: Origin
  accessExpiry: Date
  lifetimes: SessionLifetimes
  act: AuditAct
  counters: AttemptCounter[]
  /** No session begins while this many are live. */
  room: number
}

export interface Beginning {
  begun: { account: Account, session: IssuedSession } | null
  lockedSeconds: number | null
  crowded: boolean
  /** Whether a mail tells the owner, who has had sessions but none from such a device. */
  newDevice?: boolean
}

/** A user agent without the numbers of its version: an update makes no new device. */
const DEVICE = (userAgent: string) => `regexp_replace(coalesce(${userAgent}, ''), '[0-9.]+', '', 'g')`

/**
 * Locks the account's row: a change of the account waits for the session, or the session for the change. So a session
 * begins with the role that the row has then.
 */
const BEGIN = `WITH held AS (SELECT ${lockedSeconds('$1::bytea, $2::bytea, $3::bytea')} AS seconds),
  crowd AS (SELECT count(*) >= $20::int AS full
    FROM (SELECT FROM sessions WHERE user_id = $4::uuid AND ${LIVE} LIMIT $20::int) AS live),
  account AS (SELECT ${accountColumns('users')} FROM users, held, crowd
    WHERE id = $4::uuid AND password_hash = $5::text AND disabled_at IS NULL
      AND held.seconds IS NULL AND NOT crowd.full
    FOR SHARE OF users),
  life AS (SELECT now() + $11::int * interval '1 second' AS absolute,
    now() + least($11::int, $12::int) * interval '1 second' AS idle),
  session AS (
    INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at,
      ip_address, network, user_agent)
    SELECT $6::uuid, account.id, now(), now(), life.idle, life.absolute, least($7::timestamptz, life.idle),
      $8::text, $9::text, $10::text
    FROM account, life
    RETURNING counter, access_expires_at),
  forgotten AS (DELETE FROM login_attempts WHERE key = $1::bytea AND EXISTS (SELECT FROM session)),
  noted AS (${auditRepository.insertion(13)} FROM session),
  mailed AS (
    INSERT INTO jobs (id, kind, payload, run_at)
    SELECT $21::uuid, 'new-device',
      jsonb_build_object('userId', $4::uuid, 'time', $22::text, 'address', coalesce($8::text, 'unknown')), now()
    FROM session WHERE EXISTS (SELECT FROM sessions WHERE user_id = $4::uuid) AND NOT EXISTS (SELECT FROM sessions
      WHERE user_id = $4::uuid AND network = $9::text AND ${DEVICE('user_agent')} = ${DEVICE('$10::text')})
    RETURNING id)
SELECT account.*, session.counter, session.access_expires_at AS "accessExpiresAt",
  held.seconds AS "lockedSeconds", crowd.full AS crowded, EXISTS (SELECT FROM mailed) AS "newDevice"
FROM held CROSS JOIN crowd LEFT JOIN (account CROSS JOIN session) ON true`

type BegunRow = Account & {
  newDevice: boolean
  counter: number | null
  accessExpiresAt: Date
  lockedSeconds: number | null
  crowded: boolean
}

export const sessionStartRepository = {
  /**
   * Begins a session, forgets the failures before it, and appends to the audit trail, in one statement. `begun` is null
   * when the account was disabled or its password changed since the check, when another attempt has locked the account
   * (`lockedSeconds`), and when `room` sessions are live (`crowded`).
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
      room,
      uuidv7(),
      timeOf(new Date())
    ])
    const { counter, accessExpiresAt, lockedSeconds, crowded, newDevice, ...account } = row!
    return {
      begun: counter === null ? null : { account, session: { sessionId, counter, accessExpiresAt } },
      lockedSeconds,
      crowded,
      newDevice
    }
  }
}

/** As people read it: 2026-11-29 14:05 UTC. */
function timeOf (date: Date) {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
