import type { FastifyBaseLogger } from 'fastify'
import type { Session } from '@gatepost/contracts/auth/schemas'
import { retryAfter } from '@gatepost/service-kit/problem'
import { sqlOf } from '@gatepost/service-kit/sql'
import type { PasswordChecker } from '../attempts/password-check.ts'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { EmailNotVerifiedError, InvalidCredentialsError, TooManyAttemptsError } from '../errors.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { MayBeUsed } from '../users/unverified-accounts.ts'
import { userRepository } from '../users/user-repository.ts'
import { endSessions } from './session-end.ts'
import {
  type Beginning,
  type NewSession,
  type SessionLifetimes,
  sessionStartRepository
} from './session-start-repository.ts'
import type { SessionTokens } from './session-tokens.ts'

export interface LoginOptions {
  database: Database
  checker: PasswordChecker
  hasher: PasswordHasher
  tokens: SessionTokens
  lifetimes: SessionLifetimes
  /** Live sessions of one account; a login beyond them ends the oldest. */
  maxSessions: number
  isUsable: MayBeUsed
  log: FastifyBaseLogger
  onEvents: () => void
  onMail: () => void
}

/** Logins are judged again when the account changes between the check of its password and the start of its session. */
const TRIES = 3

export function createLoginService (
  { database, checker, hasher, tokens, lifetimes, maxSessions, isUsable, log, onEvents, onMail }: LoginOptions
) {
  async function login (
    { email, password, origin }: { email: string, password: string, origin: Origin }
  ): Promise<Session> {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const { account, outdated, counters } = await checker.check({
        email,
        password,
        origin,
        failureAct: 'login-failed'
      })
      if (account === null) break
      if (!isUsable(account)) await refuseUnverified(account.id, origin)
      const accessExpiry = tokens.accessExpiry()
      const { begun, lockedSeconds, newDevice } = await begin({
        account,
        origin,
        accessExpiry,
        lifetimes,
        act: 'login',
        counters,
        room: maxSessions
      })
      if (lockedSeconds !== null) throw new TooManyAttemptsError({ headers: retryAfter(lockedSeconds) })
      if (begun === null) continue
      if (newDevice) onMail()
      if (outdated) void upgradeHash(account, password)
      return tokens.issue(begun.account, begun.session, accessExpiry)
    }
    throw new InvalidCredentialsError()
  }

  /** The password was right, so this tells its owner nothing new; the mail goes to the address alone. */
  async function refuseUnverified (userId: string, origin: Origin): Promise<never> {
    await database.transaction(async (tx) => {
      await jobRepository.enqueue(tx, { kind: 'verify-email', payload: { userId } })
      const detail = { reason: 'email-not-verified' }
      await auditRepository.append(tx, origin, { act: 'login-refused', userId, detail })
    })
    onMail()
    throw new EmailNotVerifiedError()
  }

  /** Upgrades a hash beside the answer, and only while a place is free; otherwise a later login does it. */
  async function upgradeHash (account: { id: string, passwordHash: string }, password: string) {
    try {
      const upgraded = await hasher.createIfFree(password)
      if (upgraded) {
        await userRepository.setPasswordHash(database.connection, account.id, upgraded, account.passwordHash)
      }
    } catch (error) {
      log.warn({ err: error }, 'a password hash is not upgraded; the next login tries again')
    }
  }

  /**
   * The first statement cannot see sessions that begin beside it, so it begins none once half of the places are taken.
   * From there on the account's sessions begin one after the other, and the oldest make room.
   */
  async function begin (session: NewSession): Promise<Beginning> {
    const { account, origin, room } = session
    const beginning = await sessionStartRepository.begin(database.sql, { ...session, room: Math.ceil(room / 2) })
    if (!beginning.crowded || beginning.lockedSeconds !== null) return beginning
    const made = await database.transaction(async (tx) => {
      const locked = await userRepository.lock(tx, account.id)
      if (locked?.passwordHash !== account.passwordHash || locked.disabledAt !== null) {
        return { ...beginning, crowded: false }
      }
      const ended = await endSessions(tx, { userId: account.id, keep: room - 1, reason: 'too-many', origin })
      if (ended.length > 0) {
        await auditRepository.append(tx, origin, {
          act: 'sessions-ended',
          userId: account.id,
          detail: { reason: 'too-many', sessions: String(ended.length) }
        })
      }
      return sessionStartRepository.begin(sqlOf(tx), session)
    })
    onEvents()
    return made
  }

  return { login }
}
export type LoginService = ReturnType<typeof createLoginService>
