import { fastify, LogController, type FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** A registry with what every process shows of itself: memory, CPU, event-loop delay, build. */
export function createRegistry (service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  new Gauge({ name: 'gatepost_build_info', help: 'Always 1; the labels say what runs.', labelNames: ['node'], registers: [registry] }).set({ node: process.version }, 1)
  return registry
}

/** Rate, errors and duration of each route, labelled with the route's pattern, never with a path that a client chose. */
export const httpMetrics = fp<{ registry: Registry }>(async (app, { registry }) => {
  const labelNames = ['method', 'route', 'status'] as const
  const requests = new Counter({ name: 'http_requests_total', help: 'Requests answered.', labelNames, registers: [registry] })
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the arrival of the request to the end of the answer.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry]
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unknown'
    requests.inc({ method: request.method, route, status: reply.statusCode })
    durations.observe({ method: request.method, route }, reply.elapsedTime / 1000)
    done()
  })
}, { name: 'http-metrics' })

/** `GET /metrics` in Prometheus' text form, for the operations port alone. */
export function createOperationsServer (registry: Registry, log: FastifyBaseLogger) {
  const server = fastify({ loggerInstance: log, logController: new LogController({ disableRequestLogging: true }), forceCloseConnections: true })
  server.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return server
}
