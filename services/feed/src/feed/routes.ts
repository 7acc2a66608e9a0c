import { getFeed } from '@gatepost/contracts/feed/operations'
import { type ReadAfter, readAfterOf } from '@gatepost/service/read-after'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FeedService } from './feed-service.ts'

export function feedRoutes (app: App, feed: FeedService, readAfter: ReadAfter) {
  app.route({
    ...routeOf(getFeed),
    async handler (request, reply) {
      // An entry is shown once its author is known, so a reader who has just registered waits for that too.
      await readAfterOf(readAfter, request, reply, [{ aggregateId: request.principal!.userId, version: 1 }])
      return feed.list(request.query)
    }
  })
}
