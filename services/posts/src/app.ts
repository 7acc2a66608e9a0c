import { userDeleted } from '@gatepost/contracts/auth/events'
import { posts } from '@gatepost/contracts/posts/service'
import { handlerOf } from '@gatepost/events/consumer'
import { type AppContext, appOf } from '@gatepost/service/app'
import type { Sql } from '@gatepost/service-kit/sql'
import { createAuthorEraser } from './authors/author-eraser.ts'
import { deletedAuthorRepository } from './authors/deleted-author-repository.ts'
import type { Settings } from './config.ts'
import { type Connection, openDatabase } from './database.ts'
import { createCreationService } from './posts/creation-service.ts'
import { createListService } from './posts/list-service.ts'
import { createPostService } from './posts/post-service.ts'
import { postRoutes } from './posts/routes.ts'

const ERASE_EVERY_MS = 5_000
const PRUNE_EVERY_MS = 60_000

/** The posts service. */
export const buildApp = appOf<Settings, Connection, AppContext<Settings>>(
  posts,
  openDatabase,
  ({ database, onEvents, seal, routine }) => {
    const creations = createCreationService({ database, onEvents })
    const eraser = routine({
      name: 'erase authors',
      everyMs: ERASE_EVERY_MS,
      work: createAuthorEraser({ database, onEvents })
    })
    routine({ name: 'prune idempotency keys', everyMs: PRUNE_EVERY_MS, work: creations.prune })
    return {
      effects: {
        [userDeleted.type]: handlerOf(userDeleted, ({ data, traceparent }, sql: Sql) =>
          deletedAuthorRepository.add(sql, { authorId: data.userId, traceparent }))
      },
      committed: { [userDeleted.type]: eraser.wake },
      routes: (app) =>
        postRoutes(app, {
          posts: createPostService({ database, onEvents }),
          lists: createListService({ database, seal }),
          creations
        })
    }
  }
)
