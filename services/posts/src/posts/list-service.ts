import type { PostPage } from '@gatepost/contracts/posts/schemas'
import { DEFAULT_LIMIT, pageOf } from '@gatepost/service/page'
import type { CursorSeal, Position } from '@gatepost/service-kit/sealed-cursor'
import type { Database } from '../database.ts'
import { InvalidCursorError } from '../errors.ts'
import { postRepository } from './post-repository.ts'
import { searchRepository, type SearchPosition } from './search-repository.ts'

export interface ListQuery {
  limit?: number
  cursor?: string
  authorId?: string
  q?: string
}

export interface ListServiceOptions {
  database: Database
  seal: () => Promise<CursorSeal>
}

/** Lists and searches page by page. A cursor is good for the filters that it was made with and for no others. */
export function createListService ({ database, seal }: ListServiceOptions) {
  async function newestFirst (query: ListQuery, limit: number, after: Position | undefined) {
    const posts = await postRepository.list(database.sql, {
      authorId: query.authorId,
      before: after && String(after[0]),
      limit: limit + 1
    })
    const { items, last } = pageOf(posts, limit)
    return { items, last: last ? [last.id] : null }
  }

  async function bestFirst (query: ListQuery & { q: string }, limit: number, after: Position | undefined) {
    const { q, authorId } = query
    const matches = await searchRepository.search(database.sql, {
      q,
      authorId,
      after: after && searchPositionOf(after),
      limit: limit + 1
    })
    const { items, last } = pageOf(matches, limit)
    return { items: items.map(({ post }) => post), last: last ? cursorPositionOf(last.position) : null }
  }

  return {
    async list (query: ListQuery): Promise<PostPage> {
      const { limit = DEFAULT_LIMIT, cursor, authorId = null, q = null } = query
      const cursors = await seal()
      const scope = q === null ? ['posts', authorId ?? ''] : ['posts', authorId ?? '', q]
      const after = cursor === undefined ? undefined : cursors.open(cursor, scope)
      if (cursor !== undefined && !after) throw new InvalidCursorError()
      const { items, last } =
        await (q === null ? newestFirst(query, limit, after) : bestFirst({ ...query, q }, limit, after))
      return { items, nextCursor: last && cursors.seal(last, scope) }
    }
  }
}
export type ListService = ReturnType<typeof createListService>

function cursorPositionOf ({ rank, id, oldest, newest }: SearchPosition): Position {
  return [rank, id, oldest, newest]
}

function searchPositionOf ([rank, id, oldest, newest]: Position): SearchPosition {
  return { rank: Number(rank), id: String(id), oldest: String(oldest), newest: String(newest) }
}
