import type { ManagedUser } from '@gatepost/contracts/auth/schemas'
import type { Role } from '@gatepost/contracts/schemas'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { createAccount } from '../accounts/account-creation.ts'
import { eraseAccount } from '../accounts/account-erasure.ts'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { EmailTakenError, SessionNotFoundError, UserNotFoundError } from '../errors.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { requireStrongPassword } from '../passwords/password-policy.ts'
import { endApiKeys, endSessions } from '../sessions/session-end.ts'
import { type ManagedAccount, managedUserOf } from '../users/account.ts'
import { requireOtherAdmin } from '../users/admin-rule.ts'
import { emailKey } from '../users/email-key.ts'
import { userRepository } from '../users/user-repository.ts'

export interface AdministrationOptions {
  database: Database
  hasher: PasswordHasher
  onEvents: () => void
  onMail: () => void
}

export interface NewUser {
  email: string
  displayName: string
  role?: Role
  language?: string | null
  /** Absent: a mail invites the user to choose one. */
  password?: string
}

/** The administrator who acts, and the request's origin. */
export interface Actor {
  actorId: string
  origin: Origin
}

/**
 * Acts of administrators on the accounts of others. Each act has an entry in the audit trail that names the
 * administrator.
 */
export function createAdministrationService ({ database, hasher, onEvents, onMail }: AdministrationOptions) {
  async function onUser (id: string, work: (tx: Connection) => Promise<void>) {
    await database.transaction(async (tx) => {
      if (!await userRepository.lock(tx, id)) throw new UserNotFoundError()
      await work(tx)
    })
    onEvents()
    onMail()
  }

  return {
    /** Throws AUTH_EMAIL_TAKEN, AUTH_WEAK_PASSWORD, OVERLOADED. */
    async create (
      { email, displayName, role = 'user', language = null, password }: NewUser,
      { actorId, origin }: Actor
    ): Promise<ManagedUser> {
      if (password !== undefined) requireStrongPassword(password, { email, displayName }, '/body/password')
      const passwordHash = password === undefined ? hasher.unknown : await hasher.create(password)
      const account: ManagedAccount = {
        id: uuidv7(),
        email,
        displayName,
        role,
        language,
        emailVerified: false,
        createdAt: new Date(),
        disabledAt: null
      }
      await database.transaction(async (tx) => {
        await lockEmailKey(tx, emailKey(email))
        if (!await createAccount(tx, account, { passwordHash, origin })) throw new EmailTakenError()
        if (role !== 'user') await userRepository.setRole(tx, account.id, role)
        await auditRepository.append(tx, origin, {
          act: 'user-created',
          userId: account.id,
          actorId,
          detail: { role, invited: String(password === undefined) }
        })
        await jobRepository.enqueue(tx, {
          kind: password === undefined ? 'invitation' : 'verify-email',
          payload: { userId: account.id }
        })
      })
      onEvents()
      onMail()
      return managedUserOf(account)
    },

    /** Deletes an account as its user could. Throws AUTH_USER_NOT_FOUND, AUTH_LAST_ADMIN. */
    async delete (id: string, { actorId, origin }: Actor) {
      await database.transaction(async (tx) => {
        const { user, alone } = await userRepository.lockAmongAdmins(tx, id)
        if (!user) throw new UserNotFoundError()
        requireOtherAdmin(user, alone)
        await eraseAccount(tx, user, { origin, actorId })
      })
      onEvents()
      onMail()
    },

    /** Ends all sessions and keys of a user. Throws AUTH_USER_NOT_FOUND. */
    endSessions: (id: string, { actorId, origin }: Actor) =>
      onUser(id, async (tx) => {
        const ended = await endSessions(tx, { userId: id, reason: 'ended', origin })
        const keys = await endApiKeys(tx, { userId: id, reason: 'ended', origin })
        await auditRepository.append(tx, origin, {
          act: 'sessions-ended',
          userId: id,
          actorId,
          detail: { sessions: String(ended.length), keys: String(keys.length) }
        })
      }),

    /** Ends one session of a user. Throws AUTH_USER_NOT_FOUND, AUTH_SESSION_NOT_FOUND. */
    endSession: (id: string, sessionId: string, { actorId, origin }: Actor) =>
      onUser(id, async (tx) => {
        const [ended] = await endSessions(tx, { userId: id, only: sessionId, reason: 'ended', origin })
        if (!ended) throw new SessionNotFoundError()
        await auditRepository.append(tx, origin, { act: 'session-ended', userId: id, sessionId, actorId })
      }),

    /**
     * Voids the password, ends all sessions, and mails the user a link to choose a new password. Throws
     * AUTH_USER_NOT_FOUND.
     */
    forceReset: (id: string, { actorId, origin }: Actor) => onUser(id, async (tx) => {
      await userRepository.setPasswordHash(tx, id, hasher.unknown)
      await emailTokenRepository.deleteWithPassword(tx, id)
      await endSessions(tx, { userId: id, reason: 'password-reset', origin })
      await auditRepository.append(tx, origin, { act: 'password-reset-forced', userId: id, actorId })
      await jobRepository.enqueue(tx, { kind: 'reset-required', payload: { userId: id } })
    })
  }
}
export type AdministrationService = ReturnType<typeof createAdministrationService>
