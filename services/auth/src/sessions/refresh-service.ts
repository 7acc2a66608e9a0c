import type { Session } from '@gatepost/contracts/auth/schemas'
import { sqlOf } from '@gatepost/service-kit/sql'
import { auditRepository } from '../audit/audit-repository.ts'
import type { AuthMetrics } from '../auth-metrics.ts'
import type { Connection, Database } from '../database/database.ts'
import { EmailNotVerifiedError, InvalidRefreshTokenError, RefreshTokenReusedError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Account } from '../users/account.ts'
import type { MayBeUsed } from '../users/unverified-accounts.ts'
import type { RefreshTokenContent } from './refresh-token.ts'
import { endSessions } from './session-end.ts'
import { type LockedSession, refreshRepository } from './refresh-repository.ts'
import { sessionRepository } from './session-repository.ts'
import type { SessionLifetimes } from './session-start-repository.ts'
import type { LogoutScope, SessionHolder } from './session-service.ts'
import type { IssuedSession, SessionTokens } from './session-tokens.ts'

export interface RefreshOptions {
  database: Database
  tokens: SessionTokens
  lifetimes: SessionLifetimes
  isUsable: MayBeUsed
  metrics: AuthMetrics
  /** Called when a session ended, so that its event does not wait for the relay's next look. */
  onEvents: () => void
}

type Outcome = { account: Account, session: IssuedSession } | 'invalid' | 'reused'

/** For this long after its first use a token gets its successor again: two tabs raced, or an answer was lost. */
const GRACE_SECONDS = 10

/** Whether the token is the present one, or the one before it within the grace. */
function isExchangeable (session: LockedSession, counter: number) {
  return counter === session.counter || (counter === session.counter - 1 && session.movedAgo <= GRACE_SECONDS)
}

/** The state machine of docs/adr/0020-refresh-tokens.md. */
export function createRefreshService ({ database, tokens, lifetimes, isUsable, metrics, onEvents }: RefreshOptions) {
  /** Throws AUTH_INVALID_REFRESH_TOKEN; and AUTH_REFRESH_TOKEN_REUSED once the end of the session is committed. */
  async function refresh (token: string, origin: Origin): Promise<Session> {
    const presented = tokens.readRefreshToken(token)
    if (presented === null) throw new InvalidRefreshTokenError()
    const accessExpiry = tokens.accessExpiry()
    const outcome = await refreshRepository.rotate(database.sql, { ...presented, origin, accessExpiry, lifetimes }) ??
      await database.transaction((tx) => judge(tx, presented, origin, accessExpiry))
    if (outcome === 'invalid') throw new InvalidRefreshTokenError()
    if (outcome === 'reused') {
      metrics.refreshTokenReused()
      onEvents()
      throw new RefreshTokenReusedError()
    }
    if (!isUsable(outcome.account)) throw new EmailNotVerifiedError()
    return tokens.issue(outcome.account, outcome.session, accessExpiry)
  }

  /** Judges a token that is not the present one, under the session's lock. */
  async function judge (
    tx: Connection,
    { sessionId, counter }: RefreshTokenContent,
    origin: Origin,
    accessExpiry: Date
  ): Promise<Outcome> {
    const session = await refreshRepository.lock(tx, sessionId, accessExpiry)
    if (!session?.live || counter >= session.counter) return 'invalid'
    if (isExchangeable(session, counter)) {
      const account = await sessionRepository.findAccount(sqlOf(tx), sessionId)
      if (!account) return 'invalid'
      await refreshRepository.extendAccess(tx, sessionId, session.accessExpiresAt)
      return { account, session: { sessionId, counter: session.counter, accessExpiresAt: session.accessExpiresAt } }
    }
    await endReused(tx, session, { sessionId, counter }, origin)
    return 'reused'
  }

  async function endReused (
    tx: Connection,
    { userId, counter: present }: LockedSession,
    { sessionId, counter }: RefreshTokenContent,
    origin: Origin
  ) {
    await endSessions(tx, { userId, only: sessionId, reason: 'refresh-token-reused', origin })
    await auditRepository.append(tx, origin, {
      act: 'refresh-token-reused',
      userId,
      sessionId,
      detail: { behindBy: String(present - counter) }
    })
  }

  /**
   * The session that a refresh token may end. A replaced token may end its own session; other sessions only within the
   * grace, since a replaced token may have leaked: after that it is a reuse. Throws as `refresh` does.
   */
  async function holderOf (token: string, scope: LogoutScope, origin: Origin): Promise<SessionHolder> {
    const presented = tokens.readRefreshToken(token)
    const session = presented && await refreshRepository.findHolder(database.connection, presented.sessionId)
    if (!session || presented.counter > session.counter) throw new InvalidRefreshTokenError()
    const holder = { userId: session.userId, sessionId: presented.sessionId }
    if (scope === 'local' || presented.counter === session.counter) return holder
    if (await database.transaction((tx) => endIfReused(tx, presented, origin))) {
      metrics.refreshTokenReused()
      onEvents()
      throw new RefreshTokenReusedError()
    }
    return holder
  }

  async function endIfReused (tx: Connection, { sessionId, counter }: RefreshTokenContent, origin: Origin) {
    const session = await refreshRepository.lock(tx, sessionId, new Date())
    if (!session?.live || isExchangeable(session, counter)) return false
    await endReused(tx, session, { sessionId, counter }, origin)
    return true
  }

  return { refresh, holderOf }
}
export type RefreshService = ReturnType<typeof createRefreshService>
