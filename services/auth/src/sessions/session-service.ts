import type { SessionList } from '@gatepost/contracts/auth/schemas'
import type { Role } from '@gatepost/contracts/schemas'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { SessionNotFoundError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { userRepository } from '../users/user-repository.ts'
import { endSessions } from './session-end.ts'
import { refreshRepository } from './refresh-repository.ts'
import { sessionRepository } from './session-repository.ts'

export type LogoutScope = 'local' | 'others' | 'all'

/** The user and the session that a logout speaks for. */
export interface SessionHolder {
  userId: string
  sessionId: string
}

/** How long an ended session is listed. */
export const ENDED_DAYS = 30
const DAY_MS = 86_400_000

export function createSessionService ({ database, onEvents }: { database: Database, onEvents: () => void }) {
  return {
    /** The account of a token; undefined when the token's session has ended or the account has another role now. */
    async accountOf ({ userId, sessionId, role }: SessionHolder & { role: Role }) {
      const account = await sessionRepository.findAccount(database.sql, sessionId)
      return account?.id === userId && account.role === role ? account : undefined
    },

    async list ({ userId, sessionId }: SessionHolder, ended: boolean): Promise<SessionList> {
      const rows = ended
        ? await sessionRepository.listEnded(database.connection, userId, new Date(Date.now() - ENDED_DAYS * DAY_MS))
        : await sessionRepository.listLive(database.connection, userId)
      return {
        items: rows.map((row) => ({
          id: row.id,
          createdAt: row.createdAt.toISOString(),
          lastUsedAt: row.lastUsedAt.toISOString(),
          ipAddress: row.ipAddress,
          userAgent: row.userAgent,
          current: row.id === sessionId,
          endedAt: ended ? (row.endedAt ?? row.expiresAt).toISOString() : null,
          endReason: ended ? row.endReason as SessionList['items'][number]['endReason'] ?? 'expired' : null
        }))
      }
    },

    /** Throws AUTH_SESSION_NOT_FOUND for a session that is ended, unknown or another user's. */
    async end ({ userId }: SessionHolder, sessionId: string, origin: Origin) {
      await database.transaction(async (tx) => {
        const [ended] = await endSessions(tx, { userId, only: sessionId, reason: 'ended', origin })
        if (!ended) throw new SessionNotFoundError()
        await auditRepository.append(tx, origin, { act: 'session-ended', userId, sessionId })
      })
      onEvents()
    },

    /**
     * Ends the sessions of the scope, when the speaking session is live. An ended session has no say: false while
     * sessions of the scope are live. True when none is left to end, for logout is idempotent.
     */
    async logout ({ userId, sessionId }: SessionHolder, scope: LogoutScope, origin: Origin): Promise<boolean> {
      const which = { local: { only: sessionId }, others: { except: sessionId }, all: {} }[scope]
      const outcome = await database.transaction(async (tx) => {
        if (scope !== 'local') await userRepository.lock(tx, userId)
        const speaker = await refreshRepository.lock(tx, sessionId, new Date())
        if (!speaker?.live) {
          return scope === 'local' ||
            await sessionRepository.countLive(tx, userId, scope === 'others' ? sessionId : undefined) === 0
        }
        const ended = await endSessions(tx, { userId, ...which, reason: 'logout', origin })
        if (ended.length > 0) {
          await auditRepository.append(tx, origin, {
            act: scope === 'local' ? 'session-ended' : 'sessions-ended',
            userId,
            sessionId,
            detail: { scope, sessions: String(ended.length) }
          })
        }
        return true
      })
      onEvents()
      return outcome
    }
  }
}
export type SessionService = ReturnType<typeof createSessionService>
