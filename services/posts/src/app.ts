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
import { messaging } from './plugins/messaging.ts'
import { createCreationService } from './posts/creation-service.ts'
import { createListService } from './posts/list-service.ts'
import { createPostService } from './posts/post-service.ts'
import { postRoutes } from './posts/routes.ts'

export interface AppOptions {
  settings: Settings
  log: Logger
  registry: Registry
}

const ERASE_EVERY_MS = 5_000
const PRUNE_EVERY_MS = 60_000

/** The posts service. It does not listen; closing it closes all that it opened. */
export async function buildApp ({ settings, log, registry }: AppOptions): Promise<App> {
  const app = createServer({ log, recordTraces: settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined })
  const database = openDatabase({
    url: settings.POSTS_DATABASE_URL,
    poolSize: settings.POSTS_DATABASE_POOL,
    metrics: { registry, pool: 'requests' }
  })
  await database.verify()
  const keys = remoteKeys({ authUrls: settings.AUTH_URL, log })
  const revocations = createRevocationList()
  const onEvents = () => app.relay.wake()
  const posts = createPostService({ database, onEvents })
  const creations = createCreationService({ database, onEvents })
  const lists = createListService({ database, seal: createSharedSeal(database) })
  const eraser = createRoutine({
    name: 'erase authors',
    everyMs: ERASE_EVERY_MS,
    work: createAuthorEraser({ database, onEvents }),
    log
  })
  const pruner = createRoutine({ name: 'prune idempotency keys', everyMs: PRUNE_EVERY_MS, work: creations.prune, log })

  await app.register(httpMetrics, { registry })
  await app.register(requestLog)
  await app.register(identity, {
    keys,
    revocations,
    issuer: settings.PUBLIC_URL,
    accessTokenTtl: settings.ACCESS_TOKEN_TTL,
    registry
  })
  await app.register(messaging, { settings, database, revocations, onAuthorDeleted: eraser.wake, log, registry })
  await app.register(health, {
    checks: readinessChecks({
      database,
      keys,
      broker: app.broker,
      consumers: app.consumers,
      relay: app.relay,
      revoked: app.revoked,
      accessTokenTtl: settings.ACCESS_TOKEN_TTL
    })
  })

  eraser.start()
  pruner.start()
  app.addHook('onClose', async () => {
    keys.stop()
    await eraser.stop()
    await pruner.stop()
    await database.close()
  })

  await app.register(async (routes) => {
    // Thrown on, for the server's own handler to answer.
    routes.setErrorHandler((error) => { throw databaseProblem(error) ?? error })
    postRoutes(routes as App, { posts, creations, lists })
  })
  return app
}
