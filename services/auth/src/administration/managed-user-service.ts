import type { ManagedUser } from '@gatepost/contracts/auth/schemas'
import type { Role } from '@gatepost/contracts/schemas'
import { pageOf } from '@gatepost/service/page'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { UserNotFoundError } from '../errors.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import { endSessions } from '../sessions/session-end.ts'
import { managedUserOf } from '../users/account.ts'
import { requireOtherAdmin } from '../users/admin-rule.ts'
import { userListRepository } from '../users/user-list-repository.ts'
import { userRepository } from '../users/user-repository.ts'

export interface UserChange {
  role?: Role
  disabled?: boolean
  emailVerified?: true
}

export interface ManagedUserOptions {
  database: Database
  onEvents: () => void
  onMail: () => void
}

export function createManagedUserService ({ database, onEvents, onMail }: ManagedUserOptions) {
  return {
    /** `search` finds users by the beginning of their address, or of the words of their name. */
    async list ({ search, before, limit }: { search?: string, before?: string, limit: number }) {
      const rows = search === undefined
        ? await userListRepository.list(database.connection, { before, limit: limit + 1 })
        : await userListRepository.search(database.connection, search, { before, limit: limit + 1 })
      const { items, last } = pageOf(rows, limit)
      return { items: items.map(managedUserOf), last: last?.id ?? null }
    },

    /**
     * Ends all sessions on a change of role and on disabling, since sessions carry the role. `actorId` is null when the
     * operator acts. Throws AUTH_USER_NOT_FOUND, AUTH_LAST_ADMIN.
     */
    async manage (
      id: string,
      { role, disabled, emailVerified }: UserChange,
      { actorId, origin }: { actorId: string | null, origin: Origin | null }
    ): Promise<ManagedUser> {
      const changed = await database.transaction(async (tx) => {
        const { user, alone } = await userRepository.lockAmongAdmins(tx, id)
        if (!user) throw new UserNotFoundError()
        if (role === 'user' || disabled) requireOtherAdmin(user, alone)
        const by = actorId ? { actorId } : {}
        if (role !== undefined && role !== user.role) {
          await userRepository.setRole(tx, id, role)
          await endSessions(tx, { userId: id, reason: 'role-changed', origin })
          await auditRepository.append(tx, origin, {
            act: 'role-changed',
            userId: id,
            ...by,
            detail: { from: user.role, to: role }
          })
          await jobRepository.enqueue(tx, { kind: 'role-changed', payload: { userId: id } })
        }
        if (disabled !== undefined && disabled !== (user.disabledAt !== null)) {
          await userRepository.setDisabled(tx, id, disabled)
          if (disabled) await endSessions(tx, { userId: id, reason: 'disabled', origin })
          await auditRepository.append(tx, origin, { act: disabled ? 'disabled' : 'enabled', userId: id, ...by })
        }
        if (emailVerified && !user.emailVerified) {
          await userRepository.setEmailVerified(tx, id)
          await auditRepository.append(tx, origin, { act: 'email-verified', userId: id, ...by })
        }
        return {
          ...managedUserOf(user),
          role: role ?? user.role,
          disabled: disabled ?? user.disabledAt !== null,
          emailVerified: emailVerified ?? user.emailVerified
        }
      })
      onEvents()
      onMail()
      return changed
    }
  }
}
export type ManagedUserService = ReturnType<typeof createManagedUserService>
