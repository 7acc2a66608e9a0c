import type { Session } from '@gatepost/contracts/auth/schemas'
import { retryAfter } from '@gatepost/service-kit/problem'
import type { PasswordChecker } from '../attempts/password-check.ts'
import type { Database } from '../database/database.ts'
import { InvalidCredentialsError, TooManyAttemptsError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { userRepository } from '../users/user-repository.ts'
import { type SessionLifetimes, sessionRepository } from './session-repository.ts'
import type { SessionTokens } from './session-tokens.ts'

export interface LoginOptions {
  database: Database
  checker: PasswordChecker
  hasher: PasswordHasher
  tokens: SessionTokens
  lifetimes: SessionLifetimes
}

/** The account can change between the check of its password and the beginning of its session; then it is checked again. */
const TRIES = 3

export function createLoginService ({ database, checker, hasher, tokens, lifetimes }: LoginOptions) {
  async function login ({ email, password, origin }: { email: string, password: string, origin: Origin }): Promise<Session> {
    for (let attempt = 1; attempt <= TRIES; attempt++) {
      const { account, outdated, counters } = await checker.check({ email, password, origin, failureAct: 'login-failed' })
      if (account === null) break
      const accessExpiry = tokens.accessExpiry()
      const { begun, lockedSeconds } = await sessionRepository.begin(database.sql, { account, origin, accessExpiry, lifetimes, act: 'login', counters })
      if (lockedSeconds !== null) throw new TooManyAttemptsError({ headers: retryAfter(lockedSeconds) })
      if (begun === null) continue
      if (outdated) await userRepository.setPasswordHash(database.connection, account.id, await hasher.create(password), account.passwordHash)
      return tokens.issue(begun.account, begun.session, accessExpiry)
    }
    throw new InvalidCredentialsError()
  }
  return { login }
}
export type LoginService = ReturnType<typeof createLoginService>
