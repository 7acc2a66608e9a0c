import type { Sql } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Connection } from '../database/database.ts'
import type { Origin } from '../origin.ts'

export type AuditAct =
  | 'registered'
  | 'login'
  | 'login-failed'
  | 'login-refused'
  | 'refresh-token-reused'
  | 'session-ended'
  | 'sessions-ended'
  | 'password-changed'
  | 'password-change-failed'
  | 'password-reset-requested'
  | 'password-reset'
  | 'email-verified'
  | 'verification-requested'
  | 'email-change-requested'
  | 'email-change-failed'
  | 'email-changed'
  | 'account-deleted'
  | 'account-delete-failed'
  | 'disabled'
  | 'enabled'
  | 'role-changed'
  | 'keys-rotated'
  | 'key-dropped'
  | 'mail-given-up'
  | 'user-created'
  | 'password-reset-forced'
  | 'api-key-created'
  | 'api-key-refused'
  | 'api-key-deleted'
  | 'audit-pruned'

export interface AuditNote {
  act: AuditAct
  userId: string | null
  /** The administrator who acted on the user; absent when the user acted. */
  actorId?: string
  sessionId?: string | null
  detail?: Record<string, string>
}

export interface AuditRow {
  id: string
  at: Date
  act: string
  userId: string | null
  actorId: string | null
  sessionId: string | null
  ipAddress: string | null
  requestId: string | null
  detail: unknown
}

const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'
const listBy = (condition: string) =>
  `SELECT id, at, act, user_id AS "userId", actor_id AS "actorId", session_id AS "sessionId", ip_address AS "ipAddress",
    request_id AS "requestId", detail FROM audit_log WHERE ${condition} ORDER BY id DESC LIMIT $2::int`
const LIST = listBy('id < $1::uuid')
/*
 * Compares and orders by both columns of an index. With an OR, or with an order by id alone, the planner walks down the
 * primary key and hopes to meet enough entries of the user on the way.
 */
const idsBy = (column: string) =>
  `(SELECT id FROM audit_log
    WHERE (${column}, id) < ($3::uuid, $1::uuid) AND (${column}, id) > ($3::uuid, '${LOWEST_ID}')
    ORDER BY ${column} DESC, id DESC LIMIT $2::int)`
const LIST_OF_USER = listBy(`id = ANY (ARRAY(${idsBy('user_id')} UNION ${idsBy('actor_id')}))`)

/** Appends in the caller's transaction, so that exactly the acts that happened are on record. */
export const auditRepository = {
  async append (tx: Connection, origin: Origin | null, ...notes: AuditNote[]) {
    await tx.auditEntry.createMany({ data: notes.map((note) => rowOf(origin, note)) })
  },

  /**
   * An `INSERT … SELECT` as part of a larger statement; a FROM after it makes the entry depend on other parts. Its
   * parameters are {@link values}, from `$first` on.
   */
  insertion (first: number) {
    const [id, act, userId, sessionId, address, requestId, detail] = Array.from(
      { length: 7 },
      (_, index) => `$${first + index}`
    )
    return `INSERT INTO audit_log (id, at, act, user_id, session_id, ip_address, request_id, detail)
      SELECT ${id}::uuid, now(), ${act}::text, ${userId}::uuid, ${sessionId}::uuid, ${address}::text,
        ${requestId}::text, ${detail}::jsonb`
  },

  values (origin: Origin, note: AuditNote) {
    const { id, act, userId, sessionId, ipAddress, requestId, detail } = rowOf(origin, note)
    return [id, act, userId, sessionId, ipAddress, requestId, JSON.stringify(detail)]
  },

  /** Whether the database role in use may change or delete entries. */
  async isChangeable (connection: Connection) {
    const [row] = await connection.$queryRaw<[{ changeable: boolean }]>`
      SELECT has_any_column_privilege('audit_log', 'UPDATE') OR has_table_privilege('audit_log', 'DELETE')
        OR has_table_privilege('audit_log', 'TRUNCATE') AS changeable`
    return row.changeable
  },

  /** Deletes the oldest acts from before a time, a thousand at most, as the table's owner. Returns their number. */
  deleteBatch (connection: Connection, before: Date): Promise<number> {
    // By the primary key, whose ids ascend with time; the time itself decides.
    return connection.$executeRaw`
      DELETE FROM audit_log WHERE at < ${before}::timestamptz
        AND id = ANY (ARRAY(SELECT id FROM audit_log ORDER BY id LIMIT 1000))`
  },

  /** Newest first, of all users or of one; `before` is the last id of the page before. */
  list (
    sql: Sql,
    { userId, before = HIGHEST_ID, limit }: { userId?: string, before?: string, limit: number }
  ): Promise<AuditRow[]> {
    return sql.query<AuditRow>(userId === undefined ? LIST : LIST_OF_USER, [
      before,
      limit,
      ...userId === undefined ? [] : [userId]
    ])
  }
}

function rowOf (origin: Origin | null, { act, userId, actorId, sessionId = null, detail = {} }: AuditNote) {
  return {
    id: uuidv7(),
    at: new Date(),
    act,
    userId,
    actorId: actorId ?? null,
    sessionId,
    ipAddress: origin?.address ?? null,
    requestId: origin?.requestId ?? null,
    detail: actorId ? { ...detail, by: actorId } : detail
  }
}
