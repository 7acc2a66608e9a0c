import { getFeed } from '@gatepost/contracts/feed/operations'
import { parseReadAfter } from '@gatepost/contracts/read-after'
import type { ReadAfter } from '@gatepost/events/read-after'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FeedService } from './feed-service.ts'

export function feedRoutes (app: App, feed: FeedService, readAfter: ReadAfter) {
  app.route({
    ...routeOf(getFeed),
    async handler (request, reply) {
      const header = request.headers['x-after']
      if (header !== undefined) {
        const { positions, waitMs } = parseReadAfter(header)
        // An entry is shown once its author is known, so a reader who has just registered waits for that too.
        const author = { aggregateId: request.principal!.userId, version: 1 }
        const [applied] = await Promise.all([readAfter.wait(positions, waitMs), readAfter.wait([author], waitMs)])
        reply.header('x-after-applied', String(applied))
      }
      return feed.list(request.query)
    }
  })
}
