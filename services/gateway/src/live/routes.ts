import { streamEvents } from '@gatepost/contracts/gateway/operations'
import { retryAfter } from '@gatepost/service-kit/problem'
import { routeOf } from '@gatepost/service-kit/route'
import type { FastifyInstance } from 'fastify'
import { OverloadedError } from '../errors.ts'
import type { EventStreams } from './event-streams.ts'

const FULL_RETRY_SECONDS = 10

export function liveRoutes (app: FastifyInstance, { streams }: { streams: EventStreams }) {
  const { response, ...schema } = routeOf(streamEvents).schema
  app.route({
    ...routeOf(streamEvents),
    schema,
    handler (request, reply) {
      const principal = request.principal!
      if (!streams.hasRoom(principal.userId)) throw new OverloadedError({ headers: retryAfter(FULL_RETRY_SECONDS) })
      reply.hijack()
      const own = {
        ...reply.getHeaders(),
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        connection: 'close'
      } as Record<string, string>
      reply.raw.writeHead(200, [...app.fixedHeaders, ...Object.entries(own).flat() as string[]])
      if (request.method === 'HEAD') {
        reply.raw.end()
        return reply
      }
      const lastEventId = request.headers['last-event-id']
      streams.open(principal, reply.raw, lastEventId === undefined ? undefined : Number(lastEventId))
      return reply
    }
  })
}
