import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { onOutcome } from './outcome.ts'

/** One line per request, written when its connection is done with it, also when the caller left before the answer. */
export const requestLog = fp(async (app) => {
  onOutcome(app, (request, reply, status) => {
    const line = requestLine(request, reply, status)
    if (line) app.log.info(line, 'request') // and not the request's own, which would name its id a second time
  })
}, { name: 'request-log' })

/** What the log says of a request; undefined for probes, which are left out unless they fail. No member can hold a secret. */
export function requestLine (request: FastifyRequest, reply: FastifyReply, status: number) {
  const route = request.routeOptions.url ?? 'unknown'
  if ((route === '/live' || route === '/ready') && status < 500) return undefined
  return {
    requestId: request.id,
    traceId: request.traceparent.slice(3, 35),
    method: request.method,
    route,
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    userId: request.principal?.userId
  }
}
