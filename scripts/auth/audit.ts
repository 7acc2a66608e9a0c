import { Type } from '@sinclair/typebox'
import { parseSettings } from '@gatepost/service-kit/settings'
import { pruneAudit } from '../../services/auth/src/audit/audit-pruning.ts'
import { settingsSchema } from '../../services/auth/src/config.ts'
import { connectToAuth } from './connection.ts'

const DAY_MS = 86_400_000
const NOT_ALLOWED = '42501'
const schema = Type.Pick(settingsSchema, ['AUDIT_RETENTION_DAYS'])

/** Deletes acts older than a number of days, by default AUDIT_RETENTION_DAYS. Throws when there is no number. */
export async function pruneAuditTrail (days = parseSettings(schema, process.env).AUDIT_RETENTION_DAYS): Promise<void> {
  if (days === undefined) throw new Error('set AUDIT_RETENTION_DAYS, or say --days: without it acts stay for ever')
  const before = new Date(Date.now() - days * DAY_MS)
  const database = await connectToAuth(process.env, 'owner')
  try {
    const deleted = await pruneAudit(database, before)
    console.log(`${deleted} acts from before ${before.toISOString()} are deleted`)
  } catch (cause) {
    if (!String((cause as Error).message).includes(NOT_ALLOWED)) throw cause
    throw new Error('only the owner of the tables may delete acts: name it in AUTH_MIGRATION_DATABASE_URL', { cause })
  } finally {
    await database.close()
  }
}
