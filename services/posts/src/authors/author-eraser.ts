import { postDeleted } from '@gatepost/contracts/posts/events'
import { appendEvents } from '@gatepost/events/outbox'
import { STATEMENT_TIMEOUT_MS } from '@gatepost/service-kit/database-session'
import type { Database } from '../database.ts'
import { postRepository } from '../posts/post-repository.ts'
import { deletedAuthorRepository } from './deleted-author-repository.ts'

const BATCH = 100
const AUTHORS = 100
/**
 * A request that was under way when its author left did not see the mark, and may have stored a post after the last
 * batch. None runs for longer than a transaction may, so the last look comes when the last of them is long over.
 */
const WATCH_MS = 6 * STATEMENT_TIMEOUT_MS

export interface AuthorEraserOptions {
  database: Database
  onEvents: () => void
  now?: () => number
}

/**
 * Deletes the posts of authors who left: in batches of one transaction each, every post with its own event, which
 * continues the trace of the author's deletion, so that it can be broken off anywhere and goes on from there. Several
 * processes may do it at once.
 */
export function createAuthorEraser ({ database, onEvents, now = Date.now }: AuthorEraserOptions) {
  function deleteBatch (authorId: string, traceparent: string | undefined) {
    return database.sqlTransaction(async (sql) => {
      const posts = await postRepository.deleteSome(sql, { authorId, limit: BATCH })
      await appendEvents(
        sql,
        postDeleted,
        posts.map(({ id, version }) => ({ data: { postId: id, authorId }, aggregateVersion: version + 1, traceparent }))
      )
      return posts.length
    })
  }

  return async function eraseAuthors () {
    for (
      const { authorId, deletedAt, traceparent } of await deletedAuthorRepository.listUnfinished(
        database.connection,
        AUTHORS
      )
    ) {
      const lookedAt = now()
      for (let deleted = BATCH; deleted === BATCH;) {
        deleted = await deleteBatch(authorId, traceparent ?? undefined)
        if (deleted > 0) onEvents()
      }
      await deletedAuthorRepository.deleteKeys(database.connection, authorId)
      if (lookedAt - deletedAt.getTime() > WATCH_MS) await deletedAuthorRepository.finish(database.connection, authorId)
    }
  }
}
