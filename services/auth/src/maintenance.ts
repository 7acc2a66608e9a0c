import type { FastifyBaseLogger } from 'fastify'
import { attemptRepository } from './attempts/attempt-repository.ts'
import type { Database } from './database/database.ts'
import { emailTokenRepository } from './mail/email-token-repository.ts'
import { jobRepository } from './mail/job-repository.ts'
import { sentMailRepository } from './mail/sent-mail-repository.ts'
import { apiKeyRepository } from './sessions/api-key-repository.ts'
import { sessionRepository } from './sessions/session-repository.ts'
import { ENDED_DAYS } from './sessions/session-service.ts'
import { rekeyEmails } from './users/email-rekeying.ts'

const EVERY_MS = 10 * 60_000
const DAY_MS = 86_400_000
/** How long an operator can look at what was not sent. */
const GIVEN_UP_DAYS = 30

/** Deletes what has no meaning any more. Several processes may do it at once. */
export async function tidy ({ connection }: Database) {
  const before = (days: number) => new Date(Date.now() - days * DAY_MS)
  await sessionRepository.deleteEnded(connection, before(ENDED_DAYS + 1))
  await apiKeyRepository.deleteExpired(connection, before(ENDED_DAYS + 1))
  await emailTokenRepository.deleteExpired(connection, before(1))
  await sentMailRepository.deleteOld(connection, before(1))
  await jobRepository.deleteGivenUp(connection, before(GIVEN_UP_DAYS))
  await attemptRepository.deleteForgotten(connection, before(1)) // longer than any counter remembers
}

/** Tidies again and again. Returns what stops it. */
export function startMaintenance ({ database, log }: { database: Database, log: FastifyBaseLogger }) {
  rekeyEmails({ database, log }).catch((error: Error) =>
    log.warn({ err: error }, 'older e-mail keys are looked at again at the next start')
  )
  const timer = setInterval(() => {
    tidy(database).catch((error: unknown) => log.warn({ err: error }, 'maintenance failed, tried again later'))
  }, EVERY_MS).unref()
  return () => clearInterval(timer)
}
