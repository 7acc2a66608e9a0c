import { getUser } from '@gatepost/contracts/auth/user-operations'
import { getUserOverview } from '@gatepost/contracts/gateway/operations'
import type { Operation } from '@gatepost/contracts/operation'
import { listPosts } from '@gatepost/contracts/posts/operations'
import { unauthorized } from '@gatepost/service-kit/identity'
import { retryAfter } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import { UpstreamUnavailableError, UserNotFoundError } from '../errors.ts'
import { requestHeadersOf } from '../proxy/request-headers.ts'
import { collect } from '../upstreams/collect.ts'
import type { Upstream } from '../upstreams/upstream.ts'
import { overviewOf } from './overview-service.ts'

/** Time to send what there is before the operation's own deadline. */
const RESERVE_MS = 500

export function overviewRoutes (app: App, { auth, posts }: { auth: Upstream, posts: Upstream }) {
  const timeoutMs = getUserOverview.timeoutMs - RESERVE_MS
  const userHeaders = requestHeadersOf({ ...getUser, timeoutMs } as unknown as Operation)
  const postsHeaders = requestHeadersOf({ ...listPosts, timeoutMs } as unknown as Operation)

  app.route({
    ...routeOf(getUserOverview),
    async handler (request, reply) {
      const { id } = request.params
      const parts = {
        user: collect(auth, { method: 'GET', path: `/api/auth/users/${id}`, headers: userHeaders(request), timeoutMs }),
        posts: collect(posts, {
          method: 'GET',
          path: `/api/posts?authorId=${id}`,
          headers: postsHeaders(request),
          timeoutMs
        })
      }
      reply.raw.once('close', () => {
        parts.user.cancel()
        parts.posts.cancel()
      })
      const outcome = await overviewOf(parts, timeoutMs)
      if (outcome === 'no-user') throw new UserNotFoundError()
      if (outcome === 'unauthorized') throw unauthorized(true)
      if (outcome === 'nothing') throw new UpstreamUnavailableError({ headers: retryAfter(1) })
      return outcome
    }
  })
}
