import { postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import type { Post } from '@gatepost/contracts/posts/schemas'
import { appendEvent } from '@gatepost/events/outbox'
import type { Caller } from '../caller.ts'
import type { Database } from '../database.ts'
import { NotAuthorError, PostNotFoundError, VersionMismatchError } from '../errors.ts'
import { versionsAllowedBy } from './entity-tags.ts'
import { type Attempt, postRepository } from './post-repository.ts'

export interface PostServiceOptions {
  database: Database
  /** Called once events are committed. */
  onEvents: () => void
}

/** Reads, changes and deletes posts. Refusals come in this order: 404, 403, 412. */
export function createPostService ({ database, onEvents }: PostServiceOptions) {
  return {
    async find (id: string): Promise<Post> {
      const post = await postRepository.find(database.sql, id)
      if (!post) throw new PostNotFoundError()
      return post
    },

    /** A change that changes nothing makes no version and no event, so that repeating a request does no harm. */
    async update (
      caller: Caller,
      id: string,
      change: { title?: string, content?: string },
      ifMatch?: string
    ): Promise<Post> {
      const guard = { id, userId: caller.userId, versions: versionsAllowedBy(ifMatch) }
      const attempt = await database.sqlTransaction(async (sql) => {
        const attempt = await postRepository.update(sql, guard, { ...change, now: new Date() })
        if (attempt?.changed) {
          const { authorId, title, content, version, updatedAt } = attempt.post
          await appendEvent(sql, postUpdated, {
            data: { postId: id, authorId, title, content, updatedAt },
            aggregateVersion: version,
            traceparent: caller.traceparent
          })
        }
        return attempt
      })
      if (!attempt) throw new PostNotFoundError()
      if (attempt.changed) onEvents()
      else refuse(attempt, guard, false)
      return attempt.post
    },

    async delete (caller: Caller, id: string, ifMatch?: string): Promise<void> {
      const guard = { id, userId: caller.userId, versions: versionsAllowedBy(ifMatch) }
      const anyAuthor = caller.role === 'admin'
      const attempt = await database.sqlTransaction(async (sql) => {
        const attempt = await postRepository.delete(sql, guard, { anyAuthor })
        if (attempt?.changed) {
          const { authorId, versionFound } = attempt
          await appendEvent(sql, postDeleted, {
            data: { postId: id, authorId },
            aggregateVersion: versionFound + 1,
            traceparent: caller.traceparent
          })
        }
        return attempt
      })
      if (!attempt) throw new PostNotFoundError()
      if (attempt.changed) onEvents()
      else refuse(attempt, guard, anyAuthor)
    }
  }
}
export type PostService = ReturnType<typeof createPostService>

/** Says why the statement did not change the post; nothing if there was nothing to change. */
function refuse (
  { authorId, versionFound }: Attempt,
  { userId, versions }: { userId: string, versions: number[] | null },
  anyAuthor: boolean
) {
  if (authorId !== userId && !anyAuthor) throw new NotAuthorError()
  if (versions && !versions.includes(versionFound)) throw new VersionMismatchError()
}
