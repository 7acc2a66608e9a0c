import fp from 'fastify-plugin'

/** One line per request, written when its connection is done with it, also when the client left before the answer. */
export const accessLog = fp(async (app) => {
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = reply
    raw.once('close', () => {
      const route = request.routeOptions.url ?? 'unknown'
      const status = raw.writableFinished ? raw.statusCode : 499 // the client closed the request
      if ((route === '/live' || route === '/ready') && status < 500) return
      const { exchange } = request
      request.log.info({
        requestId: request.id,
        traceId: request.traceparent.slice(3, 35),
        method: request.method,
        route,
        status,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        client: request.client?.address,
        userId: request.principal?.userId,
        ...exchange && { instance: exchange.instance?.origin, attempts: exchange.attempts }
      }, 'request')
    })
    done()
  })
}, { name: 'access-log' })
