import { databaseProblem } from '@gatepost/service-kit/database-problem'
import { health } from '@gatepost/service-kit/health'
import { identity } from '@gatepost/service-kit/identity'
import { httpMetrics } from '@gatepost/service-kit/metrics'
import { requestLog } from '@gatepost/service-kit/request-log'
import { emptyRevocationList } from '@gatepost/service-kit/revocation-list'
import { type App, createServer } from '@gatepost/service-kit/server'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { accountRoutes } from './accounts/routes.ts'
import { administrationRoutes } from './administration/routes.ts'
import { apiKeyRoutes } from './api-keys/routes.ts'
import { createAuthMetrics } from './auth-metrics.ts'
import { createTrailCheck } from './audit/trail-check.ts'
import { auditRoutes } from './audit/routes.ts'
import { readinessChecks } from './checks.ts'
import type { Settings } from './config.ts'
import { openDatabase } from './database/database.ts'
import { keyRoutes } from './keys/routes.ts'
import { linkMaker } from './mail/mail-links.ts'
import { createMailMetrics } from './mail/mail-metrics.ts'
import { createMailWorker } from './mail/mail-worker.ts'
import { createMailer } from './mail/mailer.ts'
import { loadTemplates } from './mail/template-files.ts'
import { createMaintenance } from './maintenance.ts'
import type { HashParameters } from './passwords/password-hash.ts'
import { clientAddress } from './plugins/client-address.ts'
import { eventRelay } from './plugins/event-relay.ts'
import { liveSession } from './sessions/live-session.ts'
import { createCursorSealOf } from './cursor.ts'
import { deriveKey, deriveMacKey, secretsOf } from './secrets.ts'
import { createServices } from './services.ts'
import { logoutRoutes } from './sessions/logout-routes.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { userRoutes } from './users/routes.ts'

export interface AppOptions {
  settings: Settings
  log: Logger
  registry: Registry
  /** Cost of a new hash; tests that are not about hashing make it cheap. */
  hashParameters?: HashParameters
}

/** The auth service. It does not listen; closing it closes all that it opened. */
export async function buildApp ({ settings, log, registry, hashParameters }: AppOptions): Promise<App> {
  const templates = await loadTemplates(settings.MAIL_TEMPLATES)
  const app = createServer({ log, recordTraces: settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined })
  const database = openDatabase({
    url: settings.AUTH_DATABASE_URL,
    poolSize: settings.AUTH_DATABASE_POOL,
    metrics: { registry, pool: 'requests' }
  })
  await database.verify()
  const mailer = createMailer({
    smtpUrl: settings.SMTP_URL,
    directory: settings.MAIL_DIR,
    from: settings.MAIL_FROM,
    log
  })
  const mail = createMailWorker({
    database,
    mailer,
    linkOf: linkMaker(settings.MAIL_LINK_URL, settings.PUBLIC_URL),
    templates,
    defaultLanguage: settings.MAIL_LANGUAGE,
    countKey: deriveMacKey(settings.TOKEN_SECRET, 'mail-counts'),
    metrics: createMailMetrics(registry),
    log
  })
  const services = await createServices({
    settings,
    database,
    log,
    hashParameters,
    metrics: createAuthMetrics(registry),
    onEvents: () => app.relay.wake(),
    onMail: mail.wake
  })
  await services.keys.start()

  await app.register(httpMetrics, { registry })
  await app.register(requestLog)
  await app.register(eventRelay, {
    databaseUrl: settings.AUTH_DATABASE_URL,
    natsUrl: settings.NATS_URL.join(','),
    retentionDays: settings.OUTBOX_RETENTION_DAYS,
    log,
    registry
  })
  await app.register(clientAddress, {
    trustedProxies: settings.TRUSTED_PROXIES ?? [],
    host: settings.HOST,
    log,
    registry
  })
  // Auth asks its own sessions, see live-session.
  await app.register(identity, {
    keys: services.keys,
    revocations: emptyRevocationList(),
    issuer: settings.PUBLIC_URL,
    accessTokenTtl: settings.ACCESS_TOKEN_TTL,
    registry
  })
  await app.register(liveSession, services)
  const trail = createTrailCheck({ database, log })
  trail.check().catch(() => {}) // the database is away: /ready asks again
  await app.register(health, {
    checks: readinessChecks({ database, keys: services.keys, broker: app.broker, relay: app.relay, trail, mailer })
  })

  mail.start()
  const maintenance = createMaintenance({ database, log })
  maintenance.start()
  app.addHook('onClose', async () => {
    await maintenance.stop()
    services.keys.stop()
    await mail.stop()
    mailer.close()
    await database.close()
  })

  await app.register(async (routes) => {
    // Thrown on, for the server's own handler to answer.
    routes.setErrorHandler((error) => { throw databaseProblem(error) ?? error })
    const seal = createCursorSealOf(secretsOf(settings).map((secret) => deriveKey(secret, 'cursors')))
    keyRoutes(routes as App, { ...services, accessTokenTtl: settings.ACCESS_TOKEN_TTL })
    accountRoutes(routes as App, services)
    sessionRoutes(routes as App, services)
    administrationRoutes(routes as App, { ...services, seal })
    apiKeyRoutes(routes as App, services)
    logoutRoutes(routes as App, services)
    userRoutes(routes as App, services)
    auditRoutes(routes as App, { ...services, seal })
  })
  return app
}
