import type { Session } from '@gatepost/contracts/auth/schemas'
import { ProblemError } from '@gatepost/service-kit/problem'
import { sqlOf } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { EmailTakenError, InvalidEmailTokenError, WrongPasswordError } from '../errors.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import type { PasswordHasher } from '../passwords/password-hasher.ts'
import { requireStrongPassword } from '../passwords/password-policy.ts'
import { type SessionLifetimes, sessionStartRepository } from '../sessions/session-start-repository.ts'
import type { SessionTokens } from '../sessions/session-tokens.ts'
import type { Account } from '../users/account.ts'
import { emailKey } from '../users/email-key.ts'
import { type PendingRegistration, registrationRepository } from '../users/registration-repository.ts'
import { userRepository } from '../users/user-repository.ts'
import { createAccount } from './account-creation.ts'

export interface RegistrationOptions {
  database: Database
  hasher: PasswordHasher
  tokens: SessionTokens
  lifetimes: SessionLifetimes
  requireVerification: boolean
  onEvents: () => void
  onMail: () => void
}

export interface Registration {
  email: string
  password: string
  displayName: string
  language?: string | null
}

const PENDING_MS = 86_400_000
/** How many other registrations of the address a password is compared with: each costs a hash. */
const OTHER_REGISTRATIONS = 4

export function createRegistrationService (
  { database, hasher, tokens, lifetimes, requireVerification, onEvents, onMail }: RegistrationOptions
) {
  /**
   * Returns the first session, or null when the address must be confirmed first, whether or not it is taken. Throws
   * AUTH_WEAK_PASSWORD, AUTH_EMAIL_TAKEN.
   */
  async function register (
    { email, password, displayName, language = null }: Registration, origin: Origin): Promise<Session | null> {
    requireStrongPassword(password, { email, displayName }, '/body/password')
    const passwordHash = await hasher.create(password)
    if (requireVerification) {
      const id = uuidv7()
      await database.transaction(async (tx) => {
        await registrationRepository.insert(
          tx,
          { id, email, emailKey: emailKey(email), displayName, language, passwordHash },
          new Date(Date.now() + PENDING_MS)
        )
        await jobRepository.enqueue(tx, { kind: 'confirm-registration', payload: { registrationId: id } })
      })
      onMail()
      return null
    }
    const account: Account = {
      id: uuidv7(),
      email,
      displayName,
      role: 'user',
      language,
      emailVerified: false,
      createdAt: new Date()
    }
    const accessExpiry = tokens.accessExpiry()
    const session = await database.transaction(async (tx) => {
      await lockEmailKey(tx, emailKey(email))
      if (!await createAccount(tx, account, { passwordHash, origin })) throw new EmailTakenError()
      await jobRepository.enqueue(tx, { kind: 'verify-email', payload: { userId: account.id } })
      const { begun } = await sessionStartRepository.begin(sqlOf(tx), {
        account: { id: account.id, passwordHash },
        origin,
        accessExpiry,
        lifetimes,
        act: 'registered',
        counters: [],
        room: 1
      })
      return begun!.session
    })
    onEvents()
    onMail()
    return tokens.issue(account, session, accessExpiry)
  }

  /** Does the same for every address; the mail worker looks up whether there is anything to confirm. */
  async function resend (email: string, origin: Origin) {
    await database.transaction(async (tx) => {
      await jobRepository.enqueue(tx, { kind: 'resend-verification', payload: { email: emailKey(email) } })
      await auditRepository.append(tx, origin, { act: 'verification-requested', userId: null })
    })
    onMail()
  }

  /**
   * Uses up the token of a mail. Throws AUTH_INVALID_EMAIL_TOKEN; for a registration also AUTH_WRONG_PASSWORD, and
   * REQUEST_INVALID without a password.
   */
  async function verifyEmail ({ token, password }: { token: string, password?: string }, origin: Origin) {
    const subject = await emailTokenRepository.find(database.connection, token)
    if (subject?.purpose === 'verify_email') {
      await database.transaction((tx) => verify(tx, subject.userId!, token, origin))
    } else {
      if (subject?.purpose !== 'confirm') throw new InvalidEmailTokenError()
      const pending = await registrationOf(subject.registrationId!, password)
      await database.transaction((tx) => confirm(tx, pending, token, origin))
    }
    onEvents()
  }

  /**
   * The link proves that its reader gets the mails of the address; the password names the reader's own registration. So
   * the click of an address's owner makes no account with the password of a stranger who registered the address.
   */
  async function registrationOf (id: string, password: string | undefined): Promise<PendingRegistration> {
    const linked = await registrationRepository.find(database.connection, id)
    if (!linked) throw new InvalidEmailTokenError()
    if (password === undefined) {
      throw new ProblemError('REQUEST_INVALID', {
        errors: [{ path: '/body/password', message: 'is required: the password of the registration' }]
      })
    }
    const others = await registrationRepository.listOthers(database.connection, linked, OTHER_REGISTRATIONS)
    for (const pending of [linked, ...others]) {
      if ((await hasher.check(password, pending.passwordHash)).matches) return pending
    }
    throw new WrongPasswordError({ detail: 'It is not the password of the registration.' })
  }

  async function verify (tx: Connection, userId: string, token: string, origin: Origin) {
    if (!await userRepository.lock(tx, userId) || !await emailTokenRepository.use(tx, token, 'verify_email')) {
      throw new InvalidEmailTokenError()
    }
    await userRepository.setEmailVerified(tx, userId)
    await auditRepository.append(tx, origin, { act: 'email-verified', userId })
  }

  async function confirm (tx: Connection, pending: PendingRegistration, token: string, origin: Origin) {
    await lockEmailKey(tx, pending.emailKey)
    if (!await emailTokenRepository.use(tx, token, 'confirm')) throw new InvalidEmailTokenError()
    const account: Account = {
      id: uuidv7(),
      email: pending.email,
      displayName: pending.displayName,
      role: 'user',
      language: pending.language,
      emailVerified: true,
      createdAt: new Date()
    }
    if (!await createAccount(tx, account, { passwordHash: pending.passwordHash, origin })) {
      throw new InvalidEmailTokenError()
    }
    await registrationRepository.deleteByEmailKey(tx, pending.emailKey)
    await auditRepository.append(tx, origin, { act: 'registered', userId: account.id })
  }

  return { register, resend, verifyEmail }
}
export type RegistrationService = ReturnType<typeof createRegistrationService>
