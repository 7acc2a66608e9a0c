import type { FastifyBaseLogger } from 'fastify'
import { Registry } from 'prom-client'
import { httpMetrics } from './metrics.ts'
import { requestLog } from './request-log.ts'
import { type App, createServer } from './server.ts'

/** Time after which a scraper that does not read is cut. */
const CONNECTION_TIMEOUT_MS = 35_000

/** `GET /metrics` in Prometheus' text form, for the operations port alone. */
export async function createOperationsServer (
  registry: Pick<Registry, 'contentType' | 'metrics'>,
  log: FastifyBaseLogger
): Promise<App> {
  const app = createServer({ log, connectionTimeout: CONNECTION_TIMEOUT_MS })
  if (registry instanceof Registry) await app.register(httpMetrics, { registry })
  await app.register(requestLog)
  app.get('/metrics', { config: { auth: 'none' } }, async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
  return app
}
