import { createPost, deletePost, getPost, listPosts, updatePost } from '@gatepost/contracts/posts/operations'
import { routeOf } from '@gatepost/service-kit/route'
import type { App } from '@gatepost/service-kit/server'
import type { Principal } from '@gatepost/service-kit/identity'
import type { Caller } from '../caller.ts'
import type { CreationService } from './creation-service.ts'
import { entityTagOf, entityTagsOf, includesVersion } from './entity-tags.ts'
import type { ListService } from './list-service.ts'
import type { PostService } from './post-service.ts'

export interface PostRoutesOptions {
  posts: PostService
  creations: CreationService
  lists: ListService
}

/** Whoever caches an answer asks again each time, and then is told in a few bytes that nothing has changed. */
const REVALIDATE = 'private, no-cache'

export function postRoutes (app: App, { posts, creations, lists }: PostRoutesOptions) {
  app.route({
    ...routeOf(createPost),
    async handler (request, reply) {
      const { post, replayed } = await creations.create(
        callerOf(request),
        request.body,
        request.headers['idempotency-key']
      )
      if (replayed) reply.header('idempotency-replayed', 'true')
      return reply.code(201).headers({ location: `/api/posts/${post.id}`, etag: entityTagOf(post.version) }).send(post)
    }
  })

  app.route({
    ...routeOf(listPosts),
    handler: (request) => lists.list(request.query)
  })

  app.route({
    ...routeOf(getPost),
    async handler (request, reply) {
      const post = await posts.find(request.params.id)
      const known = request.headers['if-none-match']
      reply.headers({ etag: entityTagOf(post.version), 'cache-control': REVALIDATE })
      // null would be announced as four bytes that never come
      if (known !== undefined && includesVersion(entityTagsOf(known), post.version)) {
        return reply.code(304).send(undefined as never)
      }
      return reply.code(200).send(post)
    }
  })

  app.route({
    ...routeOf(updatePost),
    async handler (request, reply) {
      const post = await posts.update(callerOf(request), request.params.id, request.body, request.headers['if-match'])
      return reply.header('etag', entityTagOf(post.version)).send(post)
    }
  })

  app.route({
    ...routeOf(deletePost),
    async handler (request, reply) {
      await posts.delete(callerOf(request), request.params.id, request.headers['if-match'])
      return reply.code(204).send(null)
    }
  })
}

/** Every route here needs a token, so there is a principal. */
function callerOf ({ principal, traceparent }: { principal: Principal | undefined, traceparent: string }): Caller {
  const { userId, role } = principal!
  return { userId, role, traceparent }
}
