import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import { postCreated, postDeleted, postUpdated } from '@gatepost/contracts/posts/events'
import { handlerOf } from '@gatepost/events/consumer'
import type { ReadModel } from '@gatepost/events/rebuild'
import type { Sql } from '@gatepost/service-kit/sql'
import { authorRepository } from './authors/author-repository.ts'
import { entryRepository } from './feed/entry-repository.ts'

/** What each durable consumer of the feed keeps, and how events change it. */
export const readModels = {
  'feed-users': {
    table: 'authors',
    living: 'deleted_at IS NULL',
    handlers: {
      [userRegistered.type]: handlerOf(userRegistered, ({ data }, sql: Sql) =>
        authorRepository.setName(sql, data.userId, data.displayName)),
      [userUpdated.type]: handlerOf(userUpdated, ({ data }, sql: Sql) =>
        authorRepository.setName(sql, data.userId, data.displayName)),
      [userDeleted.type]: handlerOf(userDeleted, ({ data }, sql: Sql) =>
        authorRepository.markDeleted(sql, data.userId))
    }
  },
  'feed-posts': {
    table: 'entries',
    living: 'true',
    handlers: {
      [postCreated.type]: handlerOf(postCreated, ({ data: { postId, ...entry } }, sql: Sql) =>
        entryRepository.add(sql, { id: postId, ...entry })),
      [postUpdated.type]: handlerOf(postUpdated, ({ data }, sql: Sql) =>
        entryRepository.change(sql, data.postId, data.title, data.content)),
      [postDeleted.type]: handlerOf(postDeleted, ({ data }, sql: Sql) =>
        entryRepository.delete(sql, data.postId))
    }
  }
} satisfies Record<string, ReadModel>
