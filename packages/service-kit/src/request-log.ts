import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type BrokenRequest, onOutcome, type Outcome } from './outcome.ts'
import { isProbe } from './probe.ts'

/** Writes one line per request when its connection is done with it, also when the caller left before the answer. */
export const requestLog = fp(async (app) => {
  onOutcome(app, {
    answered: (request, outcome) => { app.writeLine(levelOf(outcome), requestLine(request, outcome), 'request') },
    broken: (request) => { app.writeLine('info', brokenLine(request), 'request') }
  })
}, { name: 'request-log' })

/** Level of probes, which come every few seconds: debug, unless they are refused or fail. */
export function levelOf ({ route, status }: Outcome): 'debug' | 'info' {
  return status < 400 && isProbe(route) ? 'debug' : 'info'
}

/** The log line of a request. No member can hold a secret. */
export function requestLine ({ id, traceparent, method, principal }: FastifyRequest, { route, status, ms }: Outcome) {
  return {
    requestId: id,
    traceId: traceparent.slice(3, 35),
    method,
    route,
    status,
    ms: Math.round(ms * 10) / 10,
    userId: principal?.userId
  }
}

/** The log line of a request that reached no route. */
export function brokenLine ({ requestId, method, status, address }: BrokenRequest) {
  return { requestId, method, route: 'unknown', status, client: address }
}
