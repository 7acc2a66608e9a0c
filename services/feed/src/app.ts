import { createReadAfter } from '@gatepost/events/read-after'
import { databaseProblem } from '@gatepost/service-kit/database-problem'
import { health } from '@gatepost/service-kit/health'
import { identity } from '@gatepost/service-kit/identity'
import { remoteKeys } from '@gatepost/service-kit/key-source'
import { httpMetrics } from '@gatepost/service-kit/metrics'
import { requestLog } from '@gatepost/service-kit/request-log'
import { createRevocationList } from '@gatepost/service-kit/revocation-list'
import { createRoutine } from '@gatepost/service-kit/routine'
import { type App, createServer } from '@gatepost/service-kit/server'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { createAuthorEraser } from './authors/author-eraser.ts'
import { readinessChecks } from './checks.ts'
import type { Settings } from './config.ts'
import { createSharedSeal } from './cursor-seal.ts'
import { openDatabase } from './database/database.ts'
import { createFeedService } from './feed/feed-service.ts'
import { feedRoutes } from './feed/routes.ts'
import { messaging } from './plugins/messaging.ts'

export interface AppOptions {
  settings: Settings
  log: Logger
  registry: Registry
}

const ERASE_EVERY_MS = 5_000

/** The feed service. It does not listen; closing it closes all that it opened. */
export async function buildApp ({ settings, log, registry }: AppOptions): Promise<App> {
  const app = createServer({ log, recordTraces: settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined })
  const database = openDatabase({
    url: settings.FEED_DATABASE_URL,
    poolSize: settings.FEED_DATABASE_POOL,
    metrics: { registry, pool: 'requests' }
  })
  await database.verify()
  const keys = remoteKeys({ authUrls: settings.AUTH_URL, log })
  const revocations = createRevocationList()
  const feed = createFeedService({ database, seal: createSharedSeal(database) })
  const readAfter = createReadAfter({ sql: database.sql, consumers: ['feed-users', 'feed-posts'], log })
  const eraser = createRoutine({
    name: 'erase authors',
    everyMs: ERASE_EVERY_MS,
    work: createAuthorEraser(database),
    log
  })

  await app.register(httpMetrics, { registry })
  await app.register(requestLog)
  await app.register(identity, {
    keys,
    revocations,
    issuer: settings.PUBLIC_URL,
    accessTokenTtl: settings.ACCESS_TOKEN_TTL,
    registry
  })
  await app.register(messaging, {
    settings,
    revocations,
    onAuthorDeleted: eraser.wake,
    onApplied: readAfter.applied,
    log,
    registry
  })
  await app.register(health, {
    checks: readinessChecks({
      database,
      keys,
      broker: app.broker,
      consumers: app.consumers,
      revoked: app.revoked,
      accessTokenTtl: settings.ACCESS_TOKEN_TTL
    })
  })

  eraser.start()
  app.addHook('onClose', async () => {
    keys.stop()
    await eraser.stop()
    await database.close()
  })

  await app.register(async (routes) => {
    // Thrown on, for the server's own handler to answer.
    routes.setErrorHandler((error) => { throw databaseProblem(error) ?? error })
    feedRoutes(routes as App, feed, readAfter)
  })
  return app
}
