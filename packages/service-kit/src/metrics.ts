import { fastify, LogController, type FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { lineLosses } from './log.ts'
import { createRouteTallies } from './metrics/route-tallies.ts'
import { onOutcome } from './outcome.ts'

/** A registry with what every process shows of itself: memory, CPU, event-loop delay, build. */
export function createRegistry (service: string): Registry {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  new Gauge({ name: 'gatepost_build_info', aggregator: 'first', help: 'Always 1; the labels say what runs.', labelNames: ['node'], registers: [registry] }).set({ node: process.version }, 1)
  registry.registerMetric(new Counter({
    name: 'gatepost_log_lines_lost_total',
    help: 'Log lines that standard output did not take.',
    registers: [],
    collect () {
      this.reset()
      this.inc(lineLosses.lines)
    }
  }))
  return registry
}

/** Rate, errors and duration of each route, labelled with the route's pattern, never with a path that a client chose. */
export const httpMetrics = fp<{ registry: Registry }>(async (app, { registry }) => {
  const tallies = createRouteTallies(registry)
  onOutcome(app, ({ method, routeOptions }, { elapsedTime }, status) => tallies.note(method, routeOptions.url ?? 'unknown', status, elapsedTime / 1000))
}, { name: 'http-metrics' })

/** A scraper that does not read what it asked for is cut. */
const CONNECTION_TIMEOUT_MS = 35_000

/** `GET /metrics` in Prometheus' text form, for the operations port alone. */
export function createOperationsServer (registry: Pick<Registry, 'contentType' | 'metrics'>, log: FastifyBaseLogger) {
  const server = fastify({ loggerInstance: log, logController: new LogController({ disableRequestLogging: true }), forceCloseConnections: true, connectionTimeout: CONNECTION_TIMEOUT_MS })
  server.get('/metrics', async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return server
}
