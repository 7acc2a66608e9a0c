import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isProbe } from './probe.ts'
import { type BrokenRequest, onOutcome } from './outcome.ts'

/** One line per request, written when its connection is done with it, also when the caller left before the answer. */
export const requestLog = fp(async (app) => {
  onOutcome(app, {
    answered: (request, reply, status) => {
      // and not by the request's own logger, which would name its id a second time
      app.log[levelOf(request, status)](requestLine(request, reply, status), 'request')
    },
    broken: (request) => { app.log.info(brokenLine(request), 'request') }
  })
}, { name: 'request-log' })

/** Probes come every few seconds: their lines are for those who look for one, unless they are refused or fail. */
export function levelOf (request: FastifyRequest, status: number): 'debug' | 'info' {
  return status < 400 && isProbe(request) ? 'debug' : 'info'
}

/** What the log says of a request. No member can hold a secret. */
export function requestLine (request: FastifyRequest, reply: FastifyReply, status: number) {
  return {
    requestId: request.id,
    traceId: request.traceparent.slice(3, 35),
    method: request.method,
    route: request.routeOptions.url ?? 'unknown',
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    userId: request.principal?.userId
  }
}

/** The same of a request that never got as far as a route. */
export function brokenLine ({ requestId, method, status, address }: BrokenRequest) {
  return { requestId, method, route: 'unknown', status, client: address }
}
