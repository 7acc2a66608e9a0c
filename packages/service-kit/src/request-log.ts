import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type BrokenRequest, onOutcome, type Outcome } from './outcome.ts'
import { isProbe } from './probe.ts'

/** One line per request, written when its connection is done with it, also when the caller left before the answer. */
export const requestLog = fp(async (app) => {
  onOutcome(app, {
    answered: (request, outcome) => { app.writeLine(levelOf(outcome), requestLine(request, outcome), 'request') },
    broken: (request) => { app.writeLine('info', brokenLine(request), 'request') }
  })
}, { name: 'request-log' })

/** Probes come every few seconds: their lines are for those who look for one, unless they are refused or fail. */
export function levelOf ({ route, status }: Outcome): 'debug' | 'info' {
  return status < 400 && isProbe(route) ? 'debug' : 'info'
}

/** What the log says of a request. No member can hold a secret. */
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

/** The same of a request that never got as far as a route. */
export function brokenLine ({ requestId, method, status, address }: BrokenRequest) {
  return { requestId, method, route: 'unknown', status, client: address }
}
