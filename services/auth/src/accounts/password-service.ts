import type { KeyObject } from 'node:crypto'
import { attemptCounters } from '../attempts/attempt-limits.ts'
import { attemptRepository } from '../attempts/attempt-repository.ts'
import type { PasswordChecker } from '../attempts/password-check.ts'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { InvalidEmailTokenError, WeakPasswordError, WrongPasswordError } from '../errors.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import { opaqueString } from '../passwords/opaque-string.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { requireStrongPassword } from '../passwords/password-policy.ts'
import { endSessions } from '../sessions/session-end.ts'
import type { Account } from '../users/account.ts'
import { emailKey } from '../users/email-key.ts'
import { userRepository } from '../users/user-repository.ts'

export interface PasswordServiceOptions {
  database: Database
  checker: PasswordChecker
  hasher: PasswordHasher
  attemptKey: KeyObject
  onEvents: () => void
  onMail: () => void
}

const NEW_PASSWORD_PATH = '/body/newPassword'

export function createPasswordService (
  { database, checker, hasher, attemptKey, onEvents, onMail }: PasswordServiceOptions
) {
  return {
    /**
     * Ends all sessions but the caller's. Throws AUTH_WRONG_PASSWORD, AUTH_WEAK_PASSWORD, AUTH_TOO_MANY_ATTEMPTS,
     * OVERLOADED.
     */
    async change (
      account: Account,
      sessionId: string,
      { currentPassword, newPassword }: { currentPassword: string, newPassword: string },
      origin: Origin
    ) {
      const { passwordHash } = await checker.checkOwn(account, {
        password: currentPassword,
        origin,
        failureAct: 'password-change-failed'
      })
      requireStrongPassword(newPassword, account, NEW_PASSWORD_PATH)
      if (opaqueString(newPassword) === opaqueString(currentPassword)) {
        throw new WeakPasswordError({
          errors: [{ path: NEW_PASSWORD_PATH, message: 'is your present password' }]
        })
      }
      const replacement = await hasher.create(newPassword)
      await database.transaction(async (tx) => {
        const locked = await userRepository.lock(tx, account.id)
        // Another request changed the password since the check.
        if (locked?.passwordHash !== passwordHash) throw new WrongPasswordError()
        await userRepository.setPasswordHash(tx, account.id, replacement)
        await emailTokenRepository.deleteWithPassword(tx, account.id)
        const ended = await endSessions(tx, {
          userId: account.id,
          except: sessionId,
          reason: 'password-changed',
          origin
        })
        await auditRepository.append(tx, origin, {
          act: 'password-changed',
          userId: account.id,
          sessionId,
          detail: { sessionsEnded: String(ended.length) }
        })
        await jobRepository.enqueue(tx, { kind: 'password-changed', payload: { userId: account.id } })
      })
      onEvents()
      onMail()
    },

    /** Does the same for every address; the mail worker looks up whether an account has it. */
    async forgot (email: string, origin: Origin) {
      await database.transaction(async (tx) => {
        await jobRepository.enqueue(tx, { kind: 'forgot-password', payload: { email: emailKey(email) } })
        await auditRepository.append(tx, origin, { act: 'password-reset-requested', userId: null })
      })
      onMail()
    },

    /** Ends all sessions. Throws AUTH_INVALID_EMAIL_TOKEN, AUTH_WEAK_PASSWORD, OVERLOADED. */
    async reset (token: string, newPassword: string, origin: Origin) {
      const subject = await emailTokenRepository.find(database.connection, token)
      const user = subject?.purpose === 'reset_password'
        ? await userRepository.find(database.connection, subject.userId!)
        : null
      if (!user) throw new InvalidEmailTokenError()
      requireStrongPassword(newPassword, user, NEW_PASSWORD_PATH)
      const replacement = await hasher.create(newPassword)
      await database.transaction(async (tx) => {
        const locked = await userRepository.lock(tx, user.id)
        if (!locked || !await emailTokenRepository.use(tx, token, 'reset_password')) throw new InvalidEmailTokenError()
        await userRepository.setPasswordHash(tx, user.id, replacement)
        await userRepository.setEmailVerified(tx, user.id) // the reader of its mails owns the address
        await emailTokenRepository.deleteWithPassword(tx, user.id)
        const { pair, account } = attemptCounters(attemptKey, locked.emailKey, origin.network)
        await attemptRepository.forget(tx, [pair, account])
        const ended = await endSessions(tx, { userId: user.id, reason: 'password-reset', origin })
        await auditRepository.append(tx, origin, {
          act: 'password-reset',
          userId: user.id,
          detail: { sessionsEnded: String(ended.length) }
        })
        await jobRepository.enqueue(tx, { kind: 'password-changed', payload: { userId: user.id } })
      })
      onEvents()
      onMail()
    }
  }
}
export type PasswordService = ReturnType<typeof createPasswordService>
