import { auditRepository } from './audit-repository.ts'
import type { Database } from '../database/database.ts'

/** Deletes acts from before a time, and puts that on record. Only the owner of the table may. Returns their number. */
export async function pruneAudit (database: Database, before: Date): Promise<number> {
  let deleted = 0
  for (let batch = -1; batch !== 0; deleted += batch) {
    batch = await auditRepository.deleteBatch(database.connection, before)
  }
  await auditRepository.append(database.connection, null, {
    act: 'audit-pruned',
    userId: null,
    detail: { before: before.toISOString(), acts: String(deleted) }
  })
  return deleted
}
