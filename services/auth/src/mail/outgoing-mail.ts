import { createHmac, type KeyObject } from 'node:crypto'
import type { EmailPurpose } from '../../generated/client.ts'
import type { Connection, Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { emailChangeRepository } from '../users/email-change-repository.ts'
import { emailKey } from '../users/email-key.ts'
import { type PendingRegistration, registrationRepository } from '../users/registration-repository.ts'
import { userRepository } from '../users/user-repository.ts'
import { emailTokenRepository, type EmailTokenSubject } from './email-token-repository.ts'
import type { ClaimedJob } from './job-repository.ts'
import type { MailKind } from './mail-templates.ts'
import { sentMailRepository } from './sent-mail-repository.ts'

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 86_400

/**
 * The page, the purpose and the life of each kind's link. The gateway's own page may have another name than a web
 * application's.
 */
const LINKS = {
  'verify-email': { page: 'verify-email', purpose: 'verify_email', seconds: DAY_SECONDS },
  'confirm-registration': {
    page: 'verify-email',
    ownPage: 'confirm-registration',
    purpose: 'confirm',
    seconds: DAY_SECONDS
  },
  'confirm-email-change': { page: 'confirm-email-change', purpose: 'change_email', seconds: DAY_SECONDS },
  'reset-password': { page: 'reset-password', purpose: 'reset_password', seconds: HOUR_SECONDS },
  'reset-required': { page: 'reset-password', purpose: 'reset_password', seconds: DAY_SECONDS },
  invitation: { page: 'reset-password', purpose: 'reset_password', seconds: 7 * DAY_SECONDS }
} as const satisfies Record<string, Link & { purpose: EmailPurpose, seconds: number }>

/**
 * Mails of one kind to one address within an hour. Anybody can register a stranger's address and have mails sent to it;
 * mails that administrators ask for always go.
 */
const PER_HOUR = 5
const UNLIMITED: ReadonlySet<MailKind> = new Set<MailKind>(['invitation', 'reset-required', 'role-changed'])

export interface Link {
  /** The page of a web application. */
  page: string
  /** The page of the gateway, if it has another name. */
  ownPage?: string
}

export interface OutgoingMail {
  kind: MailKind
  to: string
  userId: string | null
  link: Link & { token: string } | undefined
}

interface Addressee {
  kind: MailKind
  to: string
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
    const { kind, to, subject } = addressee
    const address = new Uint8Array(createHmac('sha256', countKey).update(addressee.emailKey).digest().subarray(0, 16))
    if (!UNLIMITED.has(kind) && !await sentMailRepository.reserve(tx, { id: job.id, address, kind }, PER_HOUR)) {
      return 'limited'
    }
    const link = kind in LINKS ? LINKS[kind as keyof typeof LINKS] : undefined
    const token = link && await emailTokenRepository.create(tx, link.purpose, subject, link.seconds)
    return { kind, to, userId: subject.userId ?? null, link: link && { ...link, token: token! } }
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
        ? { kind: 'verify-email', to: user.email, emailKey: key, subject: { userId: user.id } }
        : null
    }
    case 'forgot-password': {
      const key = emailKey(job.payload.email)
      const found = await userRepository.findByEmailKey(tx, key)
      const user = found && await lockUser(tx, found.id)
      return user && user.disabledAt === null && user.emailKey === key
        ? { kind: 'reset-password', to: user.email, emailKey: key, subject: { userId: user.id } }
        : null
    }
    case 'confirm-email-change': return newAddressee(tx, job.payload)
    case 'email-change-requested':
    case 'email-changed':
    case 'account-deleted': {
      const { to, ...subject } = job.payload
      await lockEmailKey(tx, emailKey(to))
      return { kind: job.kind, to, emailKey: emailKey(to), subject }
    }
    default: {
      const user = await lockUser(tx, job.payload.userId)
      if (job.kind === 'verify-email' && user?.emailVerified) return null
      return user && { kind: job.kind, to: user.email, emailKey: user.emailKey, subject: { userId: user.id } }
    }
  }
}

async function confirmationOf (
  tx: Connection,
  { id, email: to, emailKey }: PendingRegistration
): Promise<Addressee | null> {
  await lockEmailKey(tx, emailKey)
  if (await userRepository.findByEmailKey(tx, emailKey)) return { kind: 'address-in-use', to, emailKey, subject: {} }
  return await registrationRepository.find(tx, id) &&
    { kind: 'confirm-registration', to, emailKey, subject: { registrationId: id } }
}

async function newAddressee (
  tx: Connection,
  { userId, emailChangeId }: { userId: string, emailChangeId: string }
): Promise<Addressee | null> {
  if (!await userRepository.lock(tx, userId)) return null
  const change = await emailChangeRepository.find(tx, emailChangeId)
  if (!change) return null // expired, or replaced
  const key = emailKey(change.email)
  await lockEmailKey(tx, key)
  const owner = await userRepository.findByEmailKey(tx, key)
  if (owner && owner.id !== userId) return { kind: 'address-in-use', to: owner.email!, emailKey: key, subject: {} }
  return { kind: 'confirm-email-change', to: change.email, emailKey: key, subject: { userId, emailChangeId } }
}

async function lockUser (tx: Connection, id: string) {
  const user = await userRepository.lock(tx, id)
  if (!user) return null
  await lockEmailKey(tx, user.emailKey)
  return user
}
