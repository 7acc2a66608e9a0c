import type { FastifyBaseLogger } from 'fastify'
import { apiKeyRepository } from './sessions/api-key-repository.ts'
import { attemptRepository } from './attempts/attempt-repository.ts'
import type { Database } from './database/database.ts'
import { emailTokenRepository } from './mail/email-token-repository.ts'
import { jobRepository } from './mail/job-repository.ts'
import { sentMailRepository } from './mail/sent-mail-repository.ts'
import { rekeyEmails } from './users/email-rekeying.ts'
import { sessionRepository } from './sessions/session-repository.ts'
import { ENDED_DAYS } from './sessions/session-service.ts'

const EVERY_MS = 10 * 60_000
const DAY_MS = 86_400_000
/** How long an operator can look at what was not sent. */
const GIVEN_UP_DAYS = 30
/** Longer than any counter remembers. */
const ATTEMPTS_SECONDS = 86_400

/** Deletes what has no meaning any more. Several processes may do it at once. Returns what stops it. */
export function startMaintenance ({ database, log }: { database: Database, log: FastifyBaseLogger }) {
  async function tidy () {
    try {
      const { connection } = database
      await sessionRepository.deleteEnded(connection, new Date(Date.now() - (ENDED_DAYS + 1) * DAY_MS))
      await apiKeyRepository.deleteExpired(connection, new Date(Date.now() - (ENDED_DAYS + 1) * DAY_MS))
      await emailTokenRepository.deleteExpired(connection, new Date(Date.now() - DAY_MS))
      await sentMailRepository.deleteOld(connection, new Date(Date.now() - DAY_MS))
      await jobRepository.deleteGivenUp(connection, new Date(Date.now() - GIVEN_UP_DAYS * DAY_MS))
      await attemptRepository.deleteForgotten(connection, ATTEMPTS_SECONDS)
    } catch (error) {
      log.warn({ err: error }, 'maintenance failed, tried again later')
    }
  }
  rekeyEmails({ database, log }).catch((error: Error) => log.warn({ err: error }, 'older e-mail keys are looked at again at the next start'))
  const timer = setInterval(tidy, EVERY_MS).unref()
  return () => clearInterval(timer)
}
