import { userDeleted } from '@gatepost/contracts/auth/events'
import { feed } from '@gatepost/contracts/feed/service'
import { type AppContext, appOf } from '@gatepost/service/app'
import { createAuthorEraser } from './authors/author-eraser.ts'
import type { Settings } from './config.ts'
import { type Connection, openDatabase } from './database.ts'
import { createFeedService } from './feed/feed-service.ts'
import { feedRoutes } from './feed/routes.ts'
import { readModels } from './read-model.ts'

const ERASE_EVERY_MS = 5_000

/** The feed service: the events of auth and posts are all that it learns from. */
export const buildApp = appOf<Settings, Connection, AppContext<Settings>>(
  feed,
  openDatabase,
  ({ database, seal, readAfter, routine }) => {
    const eraser = routine({ name: 'erase authors', everyMs: ERASE_EVERY_MS, work: createAuthorEraser(database) })
    return {
      effects: { ...readModels['feed-users'].handlers, ...readModels['feed-posts'].handlers },
      committed: { [userDeleted.type]: eraser.wake },
      routes: (app) => feedRoutes(app, createFeedService({ database, seal }), readAfter)
    }
  }
)
