import { auth } from '@gatepost/contracts/auth/service'
import { type AppContext, appOf } from '@gatepost/service/app'
import { accountRoutes } from './accounts/routes.ts'
import { administrationRoutes } from './administration/routes.ts'
import { apiKeyRoutes } from './api-keys/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { createTrailCheck } from './audit/trail-check.ts'
import { createAuthMetrics } from './auth-metrics.ts'
import type { Settings } from './config.ts'
import { createCursorSealOf } from './cursor.ts'
import { type Connection, openDatabase } from './database/database.ts'
import { keyRoutes } from './keys/routes.ts'
import { linkMaker } from './mail/mail-links.ts'
import { createMailMetrics } from './mail/mail-metrics.ts'
import { createMailWorker } from './mail/mail-worker.ts'
import { createMailer } from './mail/mailer.ts'
import { loadTemplates } from './mail/template-files.ts'
import { createMaintenance } from './maintenance.ts'
import type { HashParameters } from './passwords/password-hash.ts'
import { clientAddress } from './plugins/client-address.ts'
import { deriveKey, deriveMacKey, secretsOf } from './secrets.ts'
import { createServices } from './services.ts'
import { liveSession } from './sessions/live-session.ts'
import { introspectionRoute } from './sessions/introspection-route.ts'
import { logoutRoutes } from './sessions/logout-routes.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { userRoutes } from './users/routes.ts'

export interface AppOptions extends AppContext<Settings> {
  /** Cost of a new hash; tests that are not about hashing make it cheap. */
  hashParameters?: HashParameters
}

/** The auth service. */
export const buildApp = appOf<Settings, Connection, AppOptions>(
  auth,
  openDatabase,
  async ({ settings, database, log, registry, hashParameters, onEvents }) => {
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
      templates: await loadTemplates(settings.MAIL_TEMPLATES),
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
      onEvents,
      onMail: mail.wake
    })
    await services.keys.start()
    const trail = createTrailCheck({ database, log })
    trail.check().catch(() => {}) // the database is away: /ready asks again
    const maintenance = createMaintenance({ database, log })
    const seal = createCursorSealOf(secretsOf(settings).map((secret) => deriveKey(secret, 'cursors')))
    return {
      // Auth asks its own sessions, see live-session.
      keys: { source: services.keys, isReady: () => services.keys.jwks().keys.length > 0 },
      checks: [trail, { name: 'mail', check: mailer.check }],
      async plugins (app) {
        await app.register(clientAddress, {
          trustedProxies: settings.TRUSTED_PROXIES ?? [],
          host: settings.HOST,
          log,
          registry
        })
        await app.register(liveSession, services)
      },
      start () {
        mail.start()
        maintenance.start()
      },
      async close () {
        await maintenance.stop()
        services.keys.stop()
        await mail.stop()
        mailer.close()
      },
      routes (app) {
        keyRoutes(app, { ...services, accessTokenTtl: settings.ACCESS_TOKEN_TTL })
        accountRoutes(app, services)
        sessionRoutes(app, services)
        introspectionRoute(app, { ...services, issuer: settings.PUBLIC_URL })
        administrationRoutes(app, { ...services, seal })
        apiKeyRoutes(app, services)
        logoutRoutes(app, services)
        userRoutes(app, services)
        auditRoutes(app, { ...services, seal })
      }
    }
  }
)
