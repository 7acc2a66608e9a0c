import { userUpdated } from '@gatepost/contracts/auth/events'
import type { User } from '@gatepost/contracts/auth/schemas'
import { unauthorized } from '@gatepost/service-kit/identity'
import type { PasswordChecker } from '../attempts/password-check.ts'
import type { Database } from '../database/database.ts'
import { storeEvent } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import { type Account, userOf } from '../users/account.ts'
import { requireOtherAdmin } from '../users/admin-rule.ts'
import { userRepository } from '../users/user-repository.ts'
import { eraseAccount } from './account-erasure.ts'

export interface AccountChange {
  displayName?: string
  language?: string | null
}

export interface AccountServiceOptions {
  database: Database
  checker: PasswordChecker
  onEvents: () => void
  onMail: () => void
}

export function createAccountService ({ database, checker, onEvents, onMail }: AccountServiceOptions) {
  return {
    /** The same name again is neither a change nor an event. */
    async update (
      account: Account,
      { displayName = account.displayName, language = account.language }: AccountChange,
      origin: Origin
    ): Promise<User> {
      await database.transaction(async (tx) => {
        if (language !== account.language) await userRepository.setLanguage(tx, account.id, language)
        const version = await userRepository.rename(tx, account.id, displayName)
        if (version) {
          await storeEvent(tx, userUpdated, {
            data: { userId: account.id, displayName },
            aggregateVersion: version,
            origin
          })
        }
      })
      onEvents()
      return userOf({ ...account, displayName, language })
    },

    /**
     * Ends the sessions, frees the address, and leaves nothing personal in the row. Throws AUTH_WRONG_PASSWORD,
     * AUTH_TOO_MANY_ATTEMPTS, AUTH_LAST_ADMIN.
     */
    async delete (account: Account, password: string, origin: Origin) {
      await checker.checkOwn(account, { password, origin, failureAct: 'account-delete-failed' })
      await database.transaction(async (tx) => {
        const { user: locked, alone } = account.role === 'admin'
          ? await userRepository.lockAmongAdmins(tx, account.id)
          : { user: await userRepository.lock(tx, account.id), alone: false }
        if (!locked) return // another request deleted it
        if (locked.role !== account.role) throw unauthorized(true) // the change of role ended the caller's session
        requireOtherAdmin(locked, alone)
        await eraseAccount(tx, locked, { origin })
      })
      onEvents()
      onMail()
    }
  }
}
export type AccountService = ReturnType<typeof createAccountService>
