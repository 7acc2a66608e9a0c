import { loadOnce } from '@gatepost/service-kit/load-once'
import { createCursorSeal, type CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { Database } from './database/database.ts'
import { secretRepository } from './database/secret-repository.ts'

/**
 * The seal of this service's cursors. Its key lies in the database, so that all replicas share it without a setting,
 * and is read when a cursor is first needed: the process starts also while the database is away.
 */
export function createSharedSeal (database: Database): () => Promise<CursorSeal> {
  return loadOnce(async () => createCursorSeal(await secretRepository.find(database.connection, 'cursors')))
}
