import { type UpstreamName, upstreams as declaredUpstreams } from '@gatepost/contracts/declarations'
import { operations } from '@gatepost/contracts/operations'
import { clientFinder } from '@gatepost/service-kit/client-address'
import { health } from '@gatepost/service-kit/health'
import { identity } from '@gatepost/service-kit/identity'
import { remoteKeys } from '@gatepost/service-kit/key-source'
import { httpMetrics } from '@gatepost/service-kit/metrics'
import { createRevocationList } from '@gatepost/service-kit/revocation-list'
import { type App, createServer } from '@gatepost/service-kit/server'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { admission } from './admission/admission.ts'
import { createKeyExchanges } from './api-keys/key-exchange.ts'
import { readinessChecks } from './checks.ts'
import type { Settings } from './config.ts'
import { documentationRoutes } from './documentation/routes.ts'
import { limitsOf } from './limits/configured-limits.ts'
import { exportRoutes } from './export/routes.ts'
import { createDecisionTally } from './limits/limit.ts'
import { limits } from './limits/limits.ts'
import { memoryCounters } from './limits/memory-counters.ts'
import { createEventStreams } from './live/event-streams.ts'
import { liveRoutes } from './live/routes.ts'
import {
  watchDecisions,
  watchIdentity,
  watchKeyExchanges,
  watchLimiter,
  watchStreams,
  watchUpstreams
} from './metrics.ts'
import { overviewRoutes } from './overview/routes.ts'
import { formPageRoutes } from './pages/routes.ts'
import { accessLog } from './plugins/access-log.ts'
import { crossOrigin, preflights } from './cross-origin/cross-origin.ts'
import { messaging } from './plugins/messaging.ts'
import { apiPolicy, securityHeaders } from './plugins/security-headers.ts'
import { proxy } from './proxy/proxy.ts'
import { createUpstream, type Upstream } from './upstreams/upstream.ts'

export interface AppOptions {
  settings: Settings
  log: Logger
  registry: Registry
}

/**
 * A client that takes no byte of its answer for this long has left; Node looks twice when a part was taken before. A
 * request that takes longer to arrive is 408 before that.
 */
const CLIENT_TIMEOUT_MS = 33_000

/** Composes the gateway, in the order in which a request meets its parts. It does not listen. */
export async function buildApp ({ settings, log, registry }: AppOptions): Promise<App> {
  const headers = await securityHeaders(apiPolicy)
  const app = createServer({
    log,
    bodyLimit: settings.BODY_LIMIT,
    recordTraces: settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    tracesPerSecond: settings.TRACES_PER_SECOND,
    headers,
    connectionTimeout: CLIENT_TIMEOUT_MS
  })
  const cors = { operations, origins: settings.CORS_ORIGINS ?? [], headers: settings.CORS_HEADERS ?? [] }
  const revocations = createRevocationList()
  const keys = remoteKeys({ authUrls: settings.AUTH_URL, log })
  const decisions = createDecisionTally()
  const shared = settings.REDIS_URL === undefined ? undefined : await countersInRedis(settings.REDIS_URL, log)
  const counters = shared ?? memoryCounters()
  const upstreams = Object.fromEntries(declaredUpstreams.map(({ name, prefix }) =>
    [name, createUpstream({ name, urls: settings[`${prefix}_URL`], log })]
  )) as Record<UpstreamName, Upstream>

  await app.register(httpMetrics, { registry })
  await app.register(accessLog)
  await app.register(crossOrigin, cors)
  await app.register(messaging, { settings, revocations, log, registry })
  await app.register(identity, {
    keys,
    revocations,
    issuer: settings.PUBLIC_URL,
    accessTokenTtl: settings.ACCESS_TOKEN_TTL,
    registry,
    enforce: false
  })
  await app.register(limits, {
    counters,
    ...limitsOf(settings),
    decisions
  })
  const exchanges = createKeyExchanges({ auth: upstreams.auth })
  await app.register(admission, {
    operations,
    exchanges,
    findClient: clientFinder({ trustedProxies: settings.TRUSTED_PROXIES ?? [], log, registry })
  })
  await app.register(preflights, cors)

  await app.register(health, {
    checks: readinessChecks({
      keys,
      accessTokenTtl: settings.ACCESS_TOKEN_TTL,
      revoked: app.revoked,
      broker: app.broker,
      upstreams: Object.values(upstreams),
      shared
    })
  })
  await app.register(proxy, {
    operations: operations.filter(({ service }) => service !== 'gateway'),
    upstreamOf: ({ service }) => upstreams[service as UpstreamName]
  })
  const streams = createEventStreams({ live: app.live, isRevoked: revocations.isRevoked, log })
  overviewRoutes(app, upstreams)
  exportRoutes(app, upstreams)
  liveRoutes(app, { streams })
  await formPageRoutes(app, upstreams)
  await documentationRoutes(app, { publicUrl: settings.PUBLIC_URL, natsUrl: withoutCredentials(settings.NATS_URL[0]!) })

  watchDecisions(registry, decisions)
  watchKeyExchanges(registry, exchanges)
  watchIdentity(registry, app.identity, revocations)
  watchUpstreams(registry, Object.values(upstreams))
  watchStreams(registry, streams)
  if (shared) watchLimiter(registry, shared)

  app.addHook('preClose', async () => streams.closeAll())
  app.addHook('onClose', async () => {
    keys.stop()
    await Promise.all([shared?.close(), ...Object.values(upstreams).map((upstream) => upstream.close())])
  })
  return app
}

/** The Redis client takes as long to load as all our own code, so it is loaded only with REDIS_URL. */
async function countersInRedis (url: string, log: Logger) {
  const { redisCounters } = await import('./limits/redis-counters.ts')
  return redisCounters({ url, log })
}

function withoutCredentials (natsUrl: string) {
  return natsUrl.replace(/\/\/[^@/]*@/, '//')
}
