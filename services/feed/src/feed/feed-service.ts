import type { FeedPage } from '@gatepost/contracts/feed/operations'
import { DEFAULT_LIMIT, pageOf } from '@gatepost/service/page'
import type { CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import type { Database } from '../database.ts'
import { InvalidCursorError } from '../errors.ts'
import { entryRepository } from './entry-repository.ts'

const SCOPE = ['feed']

/** Reads the feed page by page. */
export function createFeedService ({ database, seal }: { database: Database, seal: () => Promise<CursorSeal> }) {
  return {
    async list ({ limit = DEFAULT_LIMIT, cursor }: { limit?: number, cursor?: string }): Promise<FeedPage> {
      const cursors = await seal()
      const after = cursor === undefined ? undefined : cursors.open(cursor, SCOPE)
      if (cursor !== undefined && !after) throw new InvalidCursorError()
      const found = await entryRepository.list(database.sql, { before: after && String(after[0]), limit: limit + 1 })
      const { items, last } = pageOf(found, limit)
      return {
        items: items.map(({ authorId, displayName, createdAt, ...entry }) => ({
          ...entry,
          createdAt: createdAt.toISOString(),
          author: { id: authorId, displayName }
        })),
        nextCursor: last ? cursors.seal([last.id], SCOPE) : null
      }
    }
  }
}
export type FeedService = ReturnType<typeof createFeedService>
