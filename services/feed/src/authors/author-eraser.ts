import { STATEMENT_TIMEOUT_MS } from '@gatepost/service-kit/database-session'
import type { Database } from '../database.ts'
import { entryRepository } from '../feed/entry-repository.ts'
import { authorRepository } from './author-repository.ts'

const BATCH = 500
const AUTHORS = 100
/**
 * An event that was being applied when its author left did not see the mark; none takes longer than a transaction may.
 */
const WATCH_MS = 6 * STATEMENT_TIMEOUT_MS

/** Deletes the entries of authors who left, in batches; broken off anywhere, it goes on from there. */
export function createAuthorEraser (database: Database, now: () => number = Date.now) {
  return async function eraseAuthors () {
    for (const { id, deletedAt } of await authorRepository.listUnfinished(database.connection, AUTHORS)) {
      const lookedAt = now()
      for (let deleted = BATCH; deleted === BATCH;) {
        deleted = await entryRepository.deleteSome(database.connection, id, BATCH)
      }
      if (lookedAt - deletedAt!.getTime() > WATCH_MS) await authorRepository.finish(database.connection, id)
    }
  }
}
