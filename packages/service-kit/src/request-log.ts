import fp from 'fastify-plugin'

/** One line per request, written when the answer is out. Probes are left out unless they fail. */
export const requestLog = fp(async (app) => {
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    if ((route !== '/live' && route !== '/ready') || reply.statusCode >= 500) {
      request.log.info({
        requestId: request.id,
        traceId: request.traceparent.slice(3, 35),
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        userId: request.principal?.userId
      }, 'request')
    }
    done()
  })
}, { name: 'request-log' })
