import type { PasswordChecker } from '../attempts/password-check.ts'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { lockEmailKeys } from '../database/email-lock.ts'
import { EmailTakenError, InvalidEmailTokenError, WrongPasswordError } from '../errors.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import type { Account } from '../users/account.ts'
import { emailChangeRepository } from '../users/email-change-repository.ts'
import { emailKey } from '../users/email-key.ts'
import { registrationRepository } from '../users/registration-repository.ts'
import { userRepository } from '../users/user-repository.ts'

/** How long the mail with the link may take; the link itself is good for a day from its making. */
const PENDING_MS = 86_400_000

export interface EmailChangeOptions {
  database: Database
  checker: PasswordChecker
  onMail: () => void
}

export function createEmailChangeService ({ database, checker, onMail }: EmailChangeOptions) {
  return {
    /**
     * Does the same for a free and a taken address; only the mail to the address tells them apart. Throws
     * AUTH_WRONG_PASSWORD, AUTH_TOO_MANY_ATTEMPTS, OVERLOADED.
     */
    async request (account: Account, { email, password }: { email: string, password: string }, origin: Origin) {
      const userId = account.id
      const checked = await checker.checkOwn(account, { password, origin, failureAct: 'email-change-failed' })
      await database.transaction(async (tx) => {
        const locked = await userRepository.lock(tx, userId)
        // Another request changed the password since the check.
        if (locked?.passwordHash !== checked.passwordHash) throw new WrongPasswordError()
        const expiresAt = new Date(Date.now() + PENDING_MS)
        const emailChangeId = await emailChangeRepository.replace(tx, userId, email, expiresAt)
        await auditRepository.append(tx, origin, { act: 'email-change-requested', userId })
        await jobRepository.enqueue(tx, { kind: 'confirm-email-change', payload: { userId, emailChangeId } })
        await jobRepository.enqueue(tx, { kind: 'email-change-requested', payload: { userId, to: locked.email } })
      })
      onMail()
    },

    /**
     * The sessions stay. Links that were mailed to the old address die. Throws AUTH_INVALID_EMAIL_TOKEN,
     * AUTH_EMAIL_TAKEN.
     */
    async confirm (token: string, origin: Origin) {
      const subject = await emailTokenRepository.find(database.connection, token)
      if (!subject?.emailChangeId) throw new InvalidEmailTokenError()
      const change = await emailChangeRepository.find(database.connection, subject.emailChangeId)
      if (!change) throw new InvalidEmailTokenError()
      const key = emailKey(change.email)
      await database.transaction(async (tx) => {
        const user = await userRepository.lock(tx, change.userId)
        if (!user || user.disabledAt !== null) throw new InvalidEmailTokenError()
        await lockEmailKeys(tx, user.emailKey, key)
        if (!await emailTokenRepository.use(tx, token, 'change_email')) throw new InvalidEmailTokenError()
        const changed = await userRepository.setEmail(tx, user.id, { email: change.email, emailKey: key })
        if (!changed) throw new EmailTakenError()
        await emailTokenRepository.deleteFor(tx, user.id)
        await emailChangeRepository.deleteFor(tx, user.id)
        await registrationRepository.deleteByEmailKey(tx, key)
        await auditRepository.append(tx, origin, { act: 'email-changed', userId: user.id })
        await jobRepository.enqueue(tx, { kind: 'email-changed', payload: { userId: user.id, to: user.email } })
      })
      onMail()
    }
  }
}
export type EmailChangeService = ReturnType<typeof createEmailChangeService>
