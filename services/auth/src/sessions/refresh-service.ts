import type { Session } from '@gatepost/contracts/auth/schemas'
import { sqlOf } from '@gatepost/events/sql'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { InvalidRefreshTokenError, RefreshTokenReusedError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Account } from '../users/user-repository.ts'
import type { RefreshTokenContent } from './refresh-token.ts'
import { endSessions } from './session-end.ts'
import { type SessionLifetimes, sessionRepository } from './session-repository.ts'
import type { IssuedSession, SessionTokens } from './session-tokens.ts'

export interface RefreshOptions {
  database: Database
  tokens: SessionTokens
  lifetimes: SessionLifetimes
  /** Called after a session was ended, so that the event need not wait for the relay's next look. */
  onEvents: () => void
}

type Outcome = { account: Account, session: IssuedSession } | 'invalid' | 'reused'

/** For so long after its first use a token is given its successor again: two tabs raced, or an answer was lost. */
export const GRACE_SECONDS = 10

/** The refresh token state machine of DESIGN.md. */
export function createRefreshService ({ database, tokens, lifetimes, onEvents }: RefreshOptions) {
  /** Throws AUTH_INVALID_REFRESH_TOKEN and AUTH_REFRESH_TOKEN_REUSED; the latter when the end of the session is committed. */
  async function refresh (token: string, origin: Origin): Promise<Session> {
    const presented = tokens.readRefreshToken(token)
    if (presented === null) throw new InvalidRefreshTokenError()
    const accessExpiry = tokens.accessExpiry()
    const outcome = await sessionRepository.rotate(database.sql, { ...presented, origin, accessExpiry, lifetimes }) ??
      await database.transaction((tx) => judge(tx, presented, origin, accessExpiry))
    if (outcome === 'invalid') throw new InvalidRefreshTokenError()
    if (outcome === 'reused') {
      onEvents()
      throw new RefreshTokenReusedError()
    }
    return tokens.issue(outcome.account, outcome.session, accessExpiry)
  }

  /** What to do with a token that is not the present one, under the session's lock. */
  async function judge (tx: Connection, { sessionId, counter }: RefreshTokenContent, origin: Origin, accessExpiry: Date): Promise<Outcome> {
    const session = await sessionRepository.lock(tx, sessionId, accessExpiry)
    if (!session?.live || counter >= session.counter) return 'invalid'
    if (counter === session.counter - 1 && session.movedAgo <= GRACE_SECONDS) {
      const account = await sessionRepository.findAccount(sqlOf(tx), sessionId)
      if (!account) return 'invalid'
      await sessionRepository.extendAccess(tx, sessionId, session.accessExpiresAt)
      return { account, session: { sessionId, counter: session.counter, accessExpiresAt: session.accessExpiresAt } }
    }
    await endSessions(tx, { userId: session.userId, only: sessionId, reason: 'refresh-token-reused', origin })
    await auditRepository.append(tx, origin, { act: 'refresh-token-reused', userId: session.userId, sessionId, detail: { behindBy: String(session.counter - counter) } })
    return 'reused'
  }
  return { refresh }
}
export type RefreshService = ReturnType<typeof createRefreshService>
