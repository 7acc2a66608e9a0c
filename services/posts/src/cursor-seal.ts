import { createCursorSeal, type CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { Database } from './database/database.ts'
import { secretRepository } from './database/secret-repository.ts'

/**
 * The seal of this service's cursors. Its key lies in the database, so that all replicas share it without a setting,
 * and is read when a cursor is first needed: the process starts also while the database is away.
 */
export function createSharedSeal (database: Database): () => Promise<CursorSeal> {
  let seal: Promise<CursorSeal> | undefined
  return () => {
    seal ??= secretRepository.find(database.connection, 'cursors').then(createCursorSeal)
    seal.catch(() => { seal = undefined })
    return seal
  }
}
