import type { FastifyBaseLogger } from 'fastify'
import { createRoutine, type Routine } from '@gatepost/service-kit/routine'
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
/** How long mails that were given up stay, for the operator to look at. */
const GIVEN_UP_DAYS = 30

/** Deletes rows that nothing reads any more. Several processes may run it at once. */
export async function tidy ({ connection }: Database) {
  const before = (days: number) => new Date(Date.now() - days * DAY_MS)
  await sessionRepository.deleteEnded(connection, before(ENDED_DAYS + 1))
  await apiKeyRepository.deleteExpired(connection, before(ENDED_DAYS + 1))
  await emailTokenRepository.deleteExpired(connection, before(1))
  await sentMailRepository.deleteOld(connection, before(1))
  await jobRepository.deleteGivenUp(connection, before(GIVEN_UP_DAYS))
  await attemptRepository.deleteForgotten(connection, before(1)) // longer than any counter remembers
}

export function createMaintenance ({ database, log }: { database: Database, log: FastifyBaseLogger }): Routine {
  let rekeyed = false
  return createRoutine({
    name: 'maintenance',
    everyMs: EVERY_MS,
    log,
    async work () {
      try {
        if (!rekeyed) await rekeyEmails({ database, log })
        rekeyed = true
      } finally {
        await tidy(database)
      }
    }
  })
}
