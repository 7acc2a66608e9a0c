import { type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { outcomeOf } from './outcome.ts'

/** One line per request, written when its connection is done with it, also when the caller left before the answer. Probes are left out unless they fail. */
export const requestLog = fp(async (app) => {
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.on('close', () => write(request, reply))
    done()
  })
}, { name: 'request-log' })

function write (request: FastifyRequest, reply: FastifyReply) {
  const route = request.routeOptions.url ?? 'unknown'
  const status = outcomeOf(reply)
  if ((route === '/live' || route === '/ready') && status < 500) return
  request.log.info({
    requestId: request.id,
    traceId: request.traceparent.slice(3, 35),
    method: request.method,
    route,
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    userId: request.principal?.userId
  }, 'request')
}
