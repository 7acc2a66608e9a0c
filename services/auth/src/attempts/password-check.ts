import type { KeyObject } from 'node:crypto'
import { retryAfter } from '@gatepost/service-kit/problem'
import type { AuditAct } from '../audit/audit-repository.ts'
import type { AuthMetrics } from '../auth-metrics.ts'
import type { Database } from '../database/database.ts'
import { TooManyAttemptsError, WrongPasswordError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import type { Account } from '../users/account.ts'
import { emailKey } from '../users/email-key.ts'
import { type AttemptCounter, attemptCounters } from './attempt-limits.ts'
import { attemptRepository } from './attempt-repository.ts'
import { type LoginFacts, loginFactsRepository } from './login-facts-repository.ts'

export interface PasswordCheck {
  /** The account; null when the address is unknown, the account is disabled, or the password is wrong. */
  account: LoginFacts['account']
  /** Whether the hash should be made again. */
  outdated: boolean
  /** The counters of this attempt, the pair of account and network first. */
  counters: AttemptCounter[]
}

export interface PasswordChecker {
  /**
   * Judges a password within the limits on guessing. The limits are read before anything is hashed. An unknown address
   * gets the same answer after the same time. Throws AUTH_TOO_MANY_ATTEMPTS and OVERLOADED.
   */
  check (attempt: { email: string, password: string, origin: Origin, failureAct: AuditAct }): Promise<PasswordCheck>

  /** Judges a caller's own password. Throws AUTH_WRONG_PASSWORD too. */
  checkOwn(
    account: Account,
    attempt: { password: string, origin: Origin, failureAct: AuditAct }
  ): Promise<NonNullable<PasswordCheck['account']>>
}

export function createPasswordChecker (
  { database, hasher, attemptKey, metrics }: {
    database: Database
    hasher: PasswordHasher
    attemptKey: KeyObject
    metrics: AuthMetrics
  }
): PasswordChecker {
  function lockedOut (seconds: number) {
    metrics.lockedOut()
    return new TooManyAttemptsError({ headers: retryAfter(seconds) })
  }

  const checker: PasswordChecker = {
    async check ({ email, password, origin, failureAct }) {
      const key = emailKey(email)
      const all = attemptCounters(attemptKey, key, origin.network)
      const { account, knownNetwork, lockedSeconds } = await loginFactsRepository.find(database.sql, {
        emailKey: key,
        network: origin.network,
        counters: all
      })
      if (lockedSeconds !== null) throw lockedOut(lockedSeconds)
      // In a network that the owner has used, an attack from other networks does not count.
      const counters = knownNetwork ? [all.pair, all.network] : [all.pair, all.network, all.account]

      const { matches, outdated } = await hasher.check(password, account?.passwordHash ?? null)
      if (matches && account !== null && !account.disabled) return { account, outdated, counters }

      const blockedSeconds = await attemptRepository.recordFailure(database.sql, {
        counters,
        origin,
        note: { act: failureAct, userId: account?.id ?? null }
      })
      if (blockedSeconds !== null) throw lockedOut(blockedSeconds)
      metrics.loginFailed()
      return { account: null, outdated: false, counters }
    },

    async checkOwn ({ id, email }, attempt) {
      const { account } = await checker.check({ email, ...attempt })
      // The address may have passed to another account since the caller's was read.
      if (account?.id !== id) throw new WrongPasswordError()
      return account
    }
  }
  return checker
}
