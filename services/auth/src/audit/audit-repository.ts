import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Prisma } from '../../generated/client.ts'
import { type Connection } from '../database/database.ts'
import { type Origin } from '../origin.ts'

export type AuditAct =
  | 'registered' | 'login' | 'login-failed' | 'login-blocked' | 'refresh-token-reused' | 'session-ended' | 'sessions-ended'
  | 'password-changed' | 'password-change-failed' | 'password-reset-requested' | 'password-reset' | 'email-verified'
  | 'account-deleted' | 'account-delete-failed' | 'disabled' | 'enabled' | 'role-changed' | 'keys-rotated'

export interface AuditNote {
  act: AuditAct
  userId: string | null
  /** Who did it, if somebody else than the user. */
  actorId?: string
  sessionId?: string | null
  detail?: Record<string, string>
}

export interface AuditRow {
  id: string
  at: Date
  act: string
  userId: string | null
  sessionId: string | null
  ipAddress: string | null
  requestId: string | null
  detail: unknown
}

/** Appends in the caller's transaction: what did not happen is not on record, what happened is. */
export const auditRepository = {
  async append (tx: Connection, origin: Origin | null, ...notes: AuditNote[]) {
    await tx.auditEntry.createMany({ data: notes.map((note) => rowOf(origin, note)) })
  },

  /** The same as part of a larger statement: one `INSERT … SELECT`, which `when` (a FROM and WHERE) can hold back. */
  insertion (origin: Origin, note: AuditNote, when: Prisma.Sql) {
    const row = rowOf(origin, note)
    return Prisma.sql`INSERT INTO audit_log (id, at, act, user_id, session_id, ip_address, request_id, detail)
      SELECT ${row.id}::uuid, now(), ${row.act}, ${row.userId}::uuid, ${row.sessionId}::uuid, ${row.ipAddress}, ${row.requestId}, ${JSON.stringify(row.detail)}::jsonb ${when}`
  },

  /** Newest first; `before` is the id that the page before ended with. */
  list (connection: Connection, { userId, before, limit }: { userId?: string, before?: string, limit: number }): Promise<AuditRow[]> {
    return connection.auditEntry.findMany({
      where: { ...userId && { OR: [{ userId }, { actorId: userId }] }, ...before && { id: { lt: before } } },
      orderBy: { id: 'desc' },
      take: limit
    })
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
