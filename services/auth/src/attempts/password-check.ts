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
  /** The account, if there is one, it may be used, and the password is right. */
  account: LoginFacts['account']
  /** Whether its hash should be made anew. */
  outdated: boolean
  /** Those that count for this attempt, the pair of account and network first. */
  counters: AttemptCounter[]
}

export interface PasswordChecker {
  /**
   * Judges a password within the limits on guessing. The limits are asked before anything is hashed; what is answered
   * and how long it takes is the same for an account that does not exist. Throws AUTH_TOO_MANY_ATTEMPTS and OVERLOADED.
   */
  check (attempt: { email: string, password: string, origin: Origin, failureAct: AuditAct }): Promise<PasswordCheck>

  /** The same for a caller's own password. Throws AUTH_WRONG_PASSWORD too. */
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
      // Where the owner has been before, an attack on the account from elsewhere does not count.
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
