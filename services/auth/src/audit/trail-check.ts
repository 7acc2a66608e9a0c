import type { FastifyBaseLogger } from 'fastify'
import type { CheckResult } from '@gatepost/service-kit/health'
import type { Database } from '../database/database.ts'
import { auditRepository } from './audit-repository.ts'

const REMEDY =
  'the role of AUTH_DATABASE_URL may change the audit trail: ' +
  'run `pnpm migrate deploy auth` as the owner of the tables, and connect as another role'

/** Checks that the audit trail is append-only for the database role in use; warns once in the log when it is not. */
export function createTrailCheck ({ database, log }: { database: Database, log: FastifyBaseLogger }) {
  let changeable: boolean | undefined
  return {
    name: 'audit-trail',
    async check (): Promise<CheckResult> {
      if (changeable === undefined) {
        changeable = await auditRepository.isChangeable(database.connection)
        if (changeable) log.warn(REMEDY)
      }
      return changeable ? { status: 'degraded', detail: REMEDY } : { status: 'up' }
    }
  }
}
