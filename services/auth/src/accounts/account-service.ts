import { userDeleted, userUpdated } from '@gatepost/contracts/auth/events'
import { unauthorized } from '@gatepost/service-kit/identity'
import type { User } from '@gatepost/contracts/auth/schemas'
import { auditRepository } from '../audit/audit-repository.ts'
import type { PasswordChecker } from '../attempts/password-check.ts'
import type { Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { storeEvent } from '../database/outbox.ts'
import { WrongPasswordError } from '../errors.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import type { Origin } from '../origin.ts'
import { endSessions } from '../sessions/session-end.ts'
import { sessionRepository } from '../sessions/session-repository.ts'
import { userOf } from '../sessions/session-tokens.ts'
import { requireOtherAdmin } from '../users/admin-rule.ts'
import { type Account, userRepository } from '../users/user-repository.ts'
import { registrationRepository } from './registration-repository.ts'

export function createAccountService ({ database, checker, onEvents }: { database: Database, checker: PasswordChecker, onEvents: () => void }) {
  return {
    /** A name that is the same is no change and no event. */
    async rename (account: Account, displayName: string, origin: Origin): Promise<User> {
      await database.transaction(async (tx) => {
        const version = await userRepository.rename(tx, account.id, displayName)
        if (version) await storeEvent(tx, userUpdated, { data: { userId: account.id, displayName }, aggregateVersion: version, origin })
      })
      onEvents()
      return userOf({ ...account, displayName })
    },

    /** Sessions end, the address is free, nothing personal stays in the row. Throws AUTH_WRONG_PASSWORD, AUTH_TOO_MANY_ATTEMPTS, AUTH_LAST_ADMIN. */
    async delete (account: Account, password: string, origin: Origin) {
      const checked = await checker.check({ email: account.email, password, origin, failureAct: 'account-delete-failed' })
      if (checked.account === null) throw new WrongPasswordError()
      await database.transaction(async (tx) => {
        const { user: locked, alone } = account.role === 'admin'
          ? await userRepository.lockAmongAdmins(tx, account.id)
          : { user: await userRepository.lock(tx, account.id), alone: false }
        if (!locked) return // deleted beside us: done
        if (locked.role !== account.role) throw unauthorized(true) // the change of role ended the caller's session
        requireOtherAdmin(locked, alone)
        await lockEmailKey(tx, locked.emailKey)
        await endSessions(tx, { userId: account.id, reason: 'account-deleted', origin })
        await sessionRepository.eraseOrigins(tx, account.id)
        await emailTokenRepository.deleteFor(tx, account.id)
        await registrationRepository.deleteByEmailKey(tx, locked.emailKey)
        const version = await userRepository.erase(tx, account.id)
        await storeEvent(tx, userDeleted, { data: { userId: account.id }, aggregateVersion: version, origin })
        await auditRepository.append(tx, origin, { act: 'account-deleted', userId: account.id })
      })
      onEvents()
    }
  }
}
export type AccountService = ReturnType<typeof createAccountService>
