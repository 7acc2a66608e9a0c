import type { FastifyBaseLogger } from 'fastify'
import { type PendingRegistration, registrationRepository } from '../accounts/registration-repository.ts'
import type { Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { emailKey } from '../users/email-key.ts'
import { userRepository } from '../users/user-repository.ts'
import { emailTokenRepository } from './email-token-repository.ts'
import { type ClaimedJob, jobRepository, type MailJob } from './job-repository.ts'
import { type MailKind, renderMail } from './mail-templates.ts'
import type { Mailer } from './mailer.ts'

export interface MailWorkerOptions {
  database: Database
  mailer: Mailer
  /** What links begin with. */
  linkBase: string
  log: FastifyBaseLogger
}

export interface MailWorker {
  start (): void
  /** There is something to do. */
  wake (): void
  /** Resolves when the mail that is under way is done. */
  stop (): Promise<void>
}

const POLL_MS = 5_000
const MAX_ATTEMPTS = 8
const BACKOFF_SECONDS = 5
const DAY_SECONDS = 86_400
const HOUR_SECONDS = 3_600
/** A stranger can ask for mails to an address as often as he likes; its owner gets this many. */
const RESETS_PER_HOUR = 5

/** Sends the mails that jobs ask for, one after the other; several workers share the jobs. */
export function createMailWorker ({ database, mailer, linkBase, log }: MailWorkerOptions): MailWorker {
  const { connection } = database
  let stopped = true
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false

  function link (page: string, token: string) {
    // In the fragment, which browsers keep to themselves: no proxy log and no Referer has it.
    return { url: `${linkBase.replace(/\/$/, '')}/${page}#token=${token}`, token }
  }

  /** Null for an account that was deleted meanwhile. */
  function userToken (purpose: 'verify_email' | 'reset_password', userId: string, seconds: number) {
    return database.transaction(async (tx) => {
      const user = await userRepository.lock(tx, userId)
      return user ? emailTokenRepository.create(tx, purpose, { userId }, seconds) : null
    })
  }

  /** Null for a registration that was confirmed or replaced meanwhile. */
  function registrationToken ({ id, emailKey }: PendingRegistration) {
    return database.transaction(async (tx) => {
      await lockEmailKey(tx, emailKey)
      return await registrationRepository.find(tx, id) ? emailTokenRepository.create(tx, 'confirm', { registrationId: id }, DAY_SECONDS) : null
    })
  }

  async function deliver (job: MailJob): Promise<void> {
    switch (job.kind) {
      case 'verify-email': {
        const user = await userRepository.find(connection, job.payload.userId)
        const token = user && await userToken('verify_email', user.id, DAY_SECONDS)
        return token ? send(user.email, 'verify-email', link('verify-email', token)) : undefined
      }
      case 'confirm-registration': {
        const registration = await registrationRepository.find(connection, job.payload.registrationId)
        if (!registration) return
        if (await userRepository.findByEmailKey(connection, registration.emailKey)) return send(registration.email, 'address-in-use')
        const token = await registrationToken(registration)
        return token ? send(registration.email, 'confirm-registration', link('verify-email', token)) : undefined
      }
      case 'forgot-password': {
        const user = await userRepository.findByEmailKey(connection, emailKey(job.payload.email))
        if (!user?.email || user.disabledAt) return
        if (await emailTokenRepository.count(connection, user.id, 'reset_password', new Date(Date.now() - HOUR_SECONDS * 1000)) >= RESETS_PER_HOUR) return
        const token = await userToken('reset_password', user.id, HOUR_SECONDS)
        return token ? send(user.email, 'reset-password', link('reset-password', token)) : undefined
      }
      case 'invitation':
      case 'reset-required': {
        const user = await userRepository.find(connection, job.payload.userId)
        const token = user && await userToken('reset_password', user.id, job.kind === 'invitation' ? 7 * DAY_SECONDS : DAY_SECONDS)
        return token ? send(user.email, job.kind, link('reset-password', token)) : undefined
      }
      case 'api-key-created':
      case 'api-key-deleted':
      case 'password-changed': {
        const user = await userRepository.find(connection, job.payload.userId)
        if (user) await send(user.email, job.kind)
      }
    }
  }

  async function send (to: string, kind: MailKind, withLink?: { url: string, token: string }) {
    await mailer.send(to, kind, renderMail(kind, withLink))
  }

  async function work (job: ClaimedJob) {
    try {
      await deliver(job)
      await jobRepository.finish(connection, job.id)
    } catch (error) {
      // The text of an SMTP error repeats the address, so it goes to the row and not to the log.
      const { message, code } = error as NodeJS.ErrnoException
      if (job.attempts >= MAX_ATTEMPTS) {
        log.error({ kind: job.kind, jobId: job.id, code }, 'mail given up')
        await jobRepository.giveUp(connection, job.id, message)
      } else {
        log.warn({ kind: job.kind, jobId: job.id, code }, 'mail not sent, tried again later')
        await jobRepository.postpone(connection, job.id, BACKOFF_SECONDS * 2 ** job.attempts, message)
      }
    }
  }

  async function drain () {
    try {
      let job = await jobRepository.claim(connection)
      while (job) {
        await work(job)
        job = stopped ? undefined : await jobRepository.claim(connection)
      }
    } catch (error) {
      log.warn({ err: error }, 'mail jobs cannot be read')
    }
  }

  function wake () {
    if (stopped) return
    if (running) {
      again = true
      return
    }
    clearTimeout(timer)
    again = false
    running = drain().finally(() => {
      running = undefined
      if (stopped) return
      if (again) wake()
      else timer = setTimeout(wake, POLL_MS).unref()
    })
  }

  return {
    start () {
      stopped = false
      wake()
    },
    wake,
    async stop () {
      stopped = true
      clearTimeout(timer)
      await running
    }
  }
}
