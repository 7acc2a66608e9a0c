import { consumersOf } from '@gatepost/contracts/events'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import { createBroker } from '@gatepost/events/broker'
import { createReadAfter, type ReadAfter } from '@gatepost/events/read-after'
import type { Revocations } from '@gatepost/events/revocations'
import { databaseProblem } from '@gatepost/service-kit/database-problem'
import { type Check, health } from '@gatepost/service-kit/health'
import { identity } from '@gatepost/service-kit/identity'
import { loadOnce } from '@gatepost/service-kit/load-once'
import { httpMetrics } from '@gatepost/service-kit/metrics'
import { requestLog } from '@gatepost/service-kit/request-log'
import { createRoutine, type Routine, type RoutineOptions } from '@gatepost/service-kit/routine'
import { createCursorSeal, type CursorSeal } from '@gatepost/service-kit/sealed-cursor'
import { type App, createServer } from '@gatepost/service-kit/server'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { readinessChecks } from './checks.ts'
import type { Database, OpenDatabase } from './database.ts'
import { judgeBy, judgeByAuth, type OwnKeys } from './judge.ts'
import { createMessaging, type Effects, READ_MODEL_CONCURRENCY } from './messaging.ts'
import { secretRepository } from './secret-repository.ts'
import { knownSettings } from './settings.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The ends of sessions, in services that follow them. */
    revoked: Revocations
  }
}

/** What a process hands to its app. */
export interface AppContext<Settings> {
  settings: Settings
  log: Logger
  registry: Registry
}

/** What the parts of a service are made of. */
export interface PartsContext<Settings, Connection> extends AppContext<Settings> {
  database: Database<Connection>
  /** To be called once events are committed: they leave the outbox at once. */
  onEvents: () => void
  /** Seals the cursors of lists; all replicas share its key, which is read when a cursor is first needed. */
  seal: () => Promise<CursorSeal>
  /** For readers who say what they have written. */
  readAfter: ReadAfter
  /** Work that is done again and again while the app runs. */
  routine: (options: Omit<RoutineOptions, 'log'>) => Routine
}

/** What a service adds to what all have. */
export interface Parts {
  routes: (app: App) => void
  /** The effects of the events that it consumes. */
  effects?: Effects
  /** By event type: called once the effect of such an event is committed. */
  committed?: Record<string, () => void>
  /** Its own conditions of readiness. */
  checks?: readonly Check[]
  /** By default tokens are judged by the keys that auth publishes. */
  keys?: OwnKeys
  /** Registers plugins of its own, behind identity and before the routes. */
  plugins?: (app: App) => Promise<void>
  /** Called once everything that it needs is there. */
  start?: () => void
  close?: () => Promise<void>
}

interface NeededSettings {
  PUBLIC_URL: string
  ACCESS_TOKEN_TTL: number
  AUTH_URL?: string[]
  OTEL_EXPORTER_OTLP_ENDPOINT?: string
}

/**
 * Makes the function that builds a service's app: its database, the judging of tokens, events out and in, readiness and
 * routes. The app does not listen; closing it closes all that it opened.
 */
export function appOf<Settings extends NeededSettings, Connection, Context extends AppContext<Settings>> (
  declaration: object,
  openDatabase: OpenDatabase<Connection>,
  build: (context: Context & PartsContext<Settings, Connection>) => Parts | Promise<Parts>
) {
  const service = declaration as ServiceDefinition
  return async function buildApp (context: Context): Promise<App> {
    const { settings, log, registry } = context
    const { databaseUrl, databasePool, natsUrl, retentionDays } = knownSettings(service, settings)
    const app = createServer({ log, recordTraces: settings.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined })
    const open = (pool: string, poolSize: number) =>
      openDatabase({ url: databaseUrl, poolSize, metrics: { registry, pool } })
    const database = open('requests', databasePool)
    await database.verify()
    const routines: Routine[] = []
    const readAfter = createReadAfter({
      sql: database.sql,
      consumers: consumersOf(service).map(({ name }) => name),
      log
    })
    const parts = await build({
      ...context,
      database,
      onEvents: () => messaging.relay?.wake(),
      seal: loadOnce(async () => createCursorSeal(await secretRepository.find(database.sql, 'cursors'))),
      readAfter,
      routine (options) {
        const routine = createRoutine({ ...options, log })
        routines.push(routine)
        return routine
      }
    })
    const { AUTH_URL: authUrls = [], ACCESS_TOKEN_TTL: accessTokenTtl } = settings
    const judge = parts.keys ? judgeBy(parts.keys) : judgeByAuth({ authUrls, accessTokenTtl, log, registry })
    const broker = createBroker({ servers: natsUrl, name: service.name, log })
    // A read model that catches up with a long absence takes no connection from its readers.
    const applying = service.store === 'inbox' ? open('events', 2 * READ_MODEL_CONCURRENCY) : database
    const messaging = createMessaging({
      service,
      broker,
      database: applying,
      databaseUrl,
      retentionDays,
      effects: parts.effects ?? {},
      onCommitted (event) {
        readAfter.applied(event)
        parts.committed?.[event.type]?.()
      },
      log,
      registry
    })
    const revoked = judge.follow(broker)
    messaging.start()

    await app.register(httpMetrics, { registry })
    await app.register(requestLog)
    await app.register(identity, {
      keys: judge.keys,
      revocations: judge.revocations,
      issuer: settings.PUBLIC_URL,
      accessTokenTtl,
      registry
    })
    await parts.plugins?.(app)
    await app.register(health, {
      checks: readinessChecks({
        store: service.store,
        database,
        broker,
        messaging,
        revoked,
        others: [...judge.checks, ...parts.checks ?? []]
      })
    })
    if (revoked) {
      app.decorate('revoked', revoked)
      // Behind one address with others that judge tokens already, a 503 in the first moments would be a failure.
      app.addHook('onReady', () => revoked.readyOrLate)
    }
    for (const routine of routines) routine.start()
    parts.start?.()
    app.addHook('onClose', async () => {
      revoked?.stop()
      judge.stop()
      await Promise.all(routines.map((routine) => routine.stop()))
      await parts.close?.()
      await messaging.stop()
      await broker.close()
      if (applying !== database) await applying.close()
      await database.close()
    })
    await app.register(async (routes) => {
      // Thrown on, for the server's own handler to answer.
      routes.setErrorHandler((error) => { throw databaseProblem(error) ?? error })
      parts.routes(routes as App)
    })
    return app
  }
}
