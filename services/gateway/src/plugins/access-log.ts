import { outcomeOf } from '@gatepost/service-kit/outcome'
import { type FastifyReply, type FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Logger } from 'pino'

/**
 * One line per request, written when its connection is done with it, also when the client left before the answer.
 * Every member of the line is named here and none can hold a secret, so it is spared the search for them; and requests
 * need no logger of their own.
 */
export const accessLog = fp<{ log: Logger }>(async (app, { log }) => {
  const lines = log.child({}, { redact: [] })
  app.setChildLoggerFactory((logger) => logger)
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.on('close', () => write(lines, request, reply))
    done()
  })
}, { name: 'access-log' })

function write (lines: Logger, request: FastifyRequest, reply: FastifyReply) {
  const route = request.routeOptions.url ?? 'unknown'
  const status = outcomeOf(reply)
  if ((route === '/live' || route === '/ready') && status < 500) return
  const { exchange } = request
  lines.info({
    requestId: request.id,
    traceId: request.traceparent.slice(3, 35),
    method: request.method,
    route,
    status,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    client: request.client?.address,
    userId: request.principal?.userId,
    instance: exchange?.instance?.origin,
    attempts: exchange?.attempts
  }, 'request')
}
