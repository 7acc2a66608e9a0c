import { createHmac, type KeyObject } from 'node:crypto'
import type { Connection, Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { emailChangeRepository } from '../users/email-change-repository.ts'
import type { LockedAccount } from '../users/account.ts'
import { emailKey } from '../users/email-key.ts'
import { type PendingRegistration, registrationRepository } from '../users/registration-repository.ts'
import { userRepository } from '../users/user-repository.ts'
import { emailTokenRepository, type EmailTokenSubject } from './email-token-repository.ts'
import type { ClaimedJob } from './job-repository.ts'
import { type Link, LINKS, type MailKind, type MailValues } from './mail-kinds.ts'
import { sentMailRepository } from './sent-mail-repository.ts'

/**
 * Mails of one kind to one address within an hour. Anybody can register a stranger's address and have mails sent to it;
 * mails that administrators ask for always go.
 */
const PER_HOUR = 5
const UNLIMITED: ReadonlySet<MailKind> = new Set<MailKind>(['invitation', 'reset-required', 'role-changed'])

export interface OutgoingMail {
  kind: MailKind
  to: string
  userId: string | null
  /** Of its reader; null for the default one. */
  language: string | null
  link: Link & { token: string } | undefined
  values: MailValues
}

interface Addressee {
  kind: MailKind
  to: string
  language: string | null
  emailKey: string
  subject: EmailTokenSubject
}

/**
 * The mail of a job: makes its token, and counts it among the mails of the hour. `limited` when the address has had
 * enough of them; null when the addressee is gone.
 */
export function prepareMail (
  database: Database,
  countKey: KeyObject,
  job: ClaimedJob
): Promise<OutgoingMail | 'limited' | null> {
  return database.transaction(async (tx) => {
    const addressee = await addresseeOf(tx, job)
    if (!addressee) return null
    const { kind, to, language, subject } = addressee
    const address = new Uint8Array(createHmac('sha256', countKey).update(addressee.emailKey).digest().subarray(0, 16))
    if (!UNLIMITED.has(kind) && !await sentMailRepository.reserve(tx, { id: job.id, address, kind }, PER_HOUR)) {
      return 'limited'
    }
    const link = kind in LINKS ? LINKS[kind as keyof typeof LINKS] : undefined
    const token = link && await emailTokenRepository.create(tx, link.purpose, subject, link.seconds)
    return {
      kind,
      to,
      language,
      userId: subject.userId ?? null,
      link: link && { ...link, token: token! },
      values: valuesOf(job)
    }
  })
}

/** Takes the locks of the account and of the address, in this order. */
async function addresseeOf (tx: Connection, job: ClaimedJob): Promise<Addressee | null> {
  switch (job.kind) {
    case 'confirm-registration': {
      const registration = await registrationRepository.find(tx, job.payload.registrationId)
      return registration && confirmationOf(tx, registration)
    }
    case 'resend-verification': {
      const key = job.payload.email
      const found = await userRepository.findByEmailKey(tx, key)
      if (!found) {
        const registration = await registrationRepository.findLatest(tx, key)
        return registration && confirmationOf(tx, registration)
      }
      const user = await lockUser(tx, found.id)
      return user && user.disabledAt === null && user.emailKey === key && !user.emailVerified
        ? mailTo(user, 'verify-email')
        : null
    }
    case 'forgot-password': {
      const key = emailKey(job.payload.email)
      const found = await userRepository.findByEmailKey(tx, key)
      const user = found && await lockUser(tx, found.id)
      return user && user.disabledAt === null && user.emailKey === key
        ? mailTo(user, 'reset-password')
        : null
    }
    case 'confirm-email-change': return newAddressee(tx, job.payload)
    case 'account-deleted': {
      const { to, language } = job.payload
      await lockEmailKey(tx, emailKey(to))
      return { kind: job.kind, to, language, emailKey: emailKey(to), subject: {} }
    }
    case 'email-change-requested':
    case 'email-changed': {
      const { to, userId } = job.payload
      const language = (await userRepository.find(tx, userId))?.language ?? null
      await lockEmailKey(tx, emailKey(to))
      return { kind: job.kind, to, language, emailKey: emailKey(to), subject: { userId } }
    }
    default: {
      const user = await lockUser(tx, job.payload.userId)
      if (job.kind === 'verify-email' && user?.emailVerified) return null
      return user && mailTo(user, job.kind)
    }
  }
}

async function confirmationOf (
  tx: Connection,
  { id, email: to, language, emailKey }: PendingRegistration
): Promise<Addressee | null> {
  await lockEmailKey(tx, emailKey)
  const owner = await userRepository.findByEmailKey(tx, emailKey)
  if (owner) return { kind: 'address-in-use', to, language: owner.language, emailKey, subject: {} }
  return await registrationRepository.find(tx, id) &&
    { kind: 'confirm-registration', to, language, emailKey, subject: { registrationId: id } }
}

async function newAddressee (
  tx: Connection,
  { userId, emailChangeId }: { userId: string, emailChangeId: string }
): Promise<Addressee | null> {
  const user = await userRepository.lock(tx, userId)
  if (!user) return null
  const change = await emailChangeRepository.find(tx, emailChangeId)
  if (!change) return null // expired, or replaced
  const key = emailKey(change.email)
  await lockEmailKey(tx, key)
  const owner = await userRepository.findByEmailKey(tx, key)
  if (owner && owner.id !== userId) {
    return { kind: 'address-in-use', to: owner.email!, language: owner.language, emailKey: key, subject: {} }
  }
  const subject = { userId, emailChangeId }
  return { kind: 'confirm-email-change', to: change.email, language: user.language, emailKey: key, subject }
}

async function lockUser (tx: Connection, id: string) {
  const user = await userRepository.lock(tx, id)
  if (!user) return null
  await lockEmailKey(tx, user.emailKey)
  return user
}

function mailTo ({ id, email, language, emailKey }: LockedAccount, kind: MailKind): Addressee {
  return { kind, to: email, language, emailKey, subject: { userId: id } }
}

function valuesOf (job: ClaimedJob): MailValues {
  if (job.kind !== 'new-device') return {}
  const { time, address } = job.payload
  return { time, address }
}
