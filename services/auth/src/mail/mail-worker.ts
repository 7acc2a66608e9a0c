import type { KeyObject } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { createRoutine } from '@gatepost/service-kit/routine'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { type ClaimedJob, jobRepository } from './job-repository.ts'
import { mailFailureOf } from './mail-failure.ts'
import type { LinkMaker } from './mail-links.ts'
import type { MailMetrics } from './mail-metrics.ts'
import { renderMail, type Templates } from './mail-templates.ts'
import type { Mailer } from './mailer.ts'
import { type OutgoingMail, prepareMail } from './outgoing-mail.ts'
import { sentMailRepository } from './sent-mail-repository.ts'

export interface MailWorkerOptions {
  database: Database
  mailer: Mailer
  linkOf: LinkMaker
  templates: Templates
  defaultLanguage: string
  /** Key of the hashes under which addresses are counted. */
  countKey: KeyObject
  metrics: MailMetrics
  log: FastifyBaseLogger
}

export interface MailWorker {
  start (): void
  /** Asks for a look at the jobs now. */
  wake (): void
  /** Resolves when the mails under way are done. */
  stop (): Promise<void>
}

const POLL_MS = 5_000
/** Mails that one worker sends at once. */
const LANES = 4
const FIRST_DELAY_SECONDS = 5
const MAX_DELAY_SECONDS = 300
/** The life of most links: after an outage of this length the mail is of no use. */
const GIVE_UP_SECONDS = 86_400

/** Sends the mails of the jobs, several at once. Several workers share the jobs. */
export function createMailWorker (
  { database, mailer, linkOf, templates, defaultLanguage, countKey, metrics, log }: MailWorkerOptions
): MailWorker {
  const { connection } = database
  let stopped = true

  async function send ({ to, kind, language, link, values }: OutgoingMail) {
    const all = link ? { ...values, link: linkOf(link), code: link.token } : values
    await mailer.send(to, kind, renderMail(templates, kind, { language, defaultLanguage, values: all }))
  }

  async function work (job: ClaimedJob) {
    let mail: OutgoingMail | 'limited' | null = null
    try {
      mail = await prepareMail(database, countKey, job)
      if (mail === 'limited') metrics.count('limited')
      else if (mail) {
        await send(mail)
        metrics.count('sent')
      }
    } catch (error) {
      return fail(job, mail === 'limited' ? null : mail, error)
    }
    await jobRepository.finish(connection, job.id)
  }

  async function fail (job: ClaimedJob, mail: OutgoingMail | null, error: unknown) {
    const { summary, permanent } = mailFailureOf(error)
    await sentMailRepository.release(connection, job.id)
    const about = { kind: job.kind, jobId: job.id, failure: summary }
    if (permanent || job.age > GIVE_UP_SECONDS) {
      log.error(about, 'mail given up')
      metrics.count('given_up')
      await database.transaction(async (tx) => {
        await jobRepository.giveUp(tx, job.id, summary)
        await auditRepository.append(tx, null, {
          act: 'mail-given-up',
          userId: mail?.userId ?? null,
          detail: { kind: job.kind, failure: summary }
        })
      })
    } else {
      log.warn(about, 'mail not sent, tried again later')
      metrics.count('postponed')
      const seconds = Math.min(FIRST_DELAY_SECONDS * 2 ** (job.attempts - 1), MAX_DELAY_SECONDS)
      await jobRepository.postpone(connection, job.id, seconds, summary)
    }
  }

  const claim = () => stopped ? undefined : jobRepository.claim(connection)

  async function sendAll () {
    for (let job = await claim(); job; job = await claim()) await work(job)
  }

  // Each lane runs by itself, so that a slow mail holds up no later one.
  const lanes = Array.from(
    { length: LANES },
    () => createRoutine({ name: 'mail', everyMs: POLL_MS, log, work: sendAll })
  )

  return {
    start () {
      stopped = false
      for (const lane of lanes) lane.start()
    },
    wake () {
      for (const lane of lanes) lane.wake()
    },
    async stop () {
      stopped = true
      await Promise.all(lanes.map((lane) => lane.stop()))
    }
  }
}
