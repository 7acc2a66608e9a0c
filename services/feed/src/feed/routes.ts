import { getFeed } from '@gatepost/contracts/feed/operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { FeedService } from './feed-service.ts'

export function feedRoutes (app: App, feed: FeedService) {
  app.route({ ...routeOf(getFeed), handler: (request) => feed.list(request.query) })
}
