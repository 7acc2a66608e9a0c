import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import type { CloudEvent } from '@gatepost/contracts/event'
import { createLog } from '@gatepost/service-kit/log'
import { parseSettings } from '@gatepost/service-kit/settings'
import type { TObject } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import { startBroker } from './broker.ts'
import { createDatabase } from './database.ts'
import { ISSUER, startTokenIssuer, type TokenOptions } from './token-issuer.ts'

type App = Pick<FastifyInstance, 'inject' | 'close'> & { revoked: { ready: Promise<void> } }

interface Built {
  buildApp: (context: { settings: never, log: Logger, registry: Registry }) => Promise<App>
  settingsSchema: TObject
}

interface CallOptions {
  as?: TokenOptions
  headers?: Record<string, string>
  body?: object
}

/** The real app of a service, on a database and a nats-server of its own. */
export async function startService (name: ServiceName, { buildApp, settingsSchema }: Built) {
  const [database, issuer, broker] = await Promise.all([
    createDatabase(name, { hostile: true }),
    startTokenIssuer(),
    startBroker()
  ])
  const settings = parseSettings(settingsSchema, {
    [`${services[name].prefix}_DATABASE_URL`]: database.url,
    AUTH_URL: issuer.url,
    PUBLIC_URL: ISSUER,
    NATS_URL: broker.urlOf(name)
  })
  const app = await buildApp({
    settings: settings as never,
    log: createLog(name, 'silent'),
    registry: new Registry()
  })
  await app.revoked.ready
  const sql = new pg.Pool({ connectionString: database.ownerUrl, max: 2 })
  sql.on('error', () => {}) // dropping the database ends what is left of its connections
  return {
    app,
    database,
    broker,
    sql,
    call: (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, { as, headers = {}, body }: CallOptions = {}) =>
      app.inject({
        method,
        url,
        headers: { authorization: `Bearer ${issuer.token(as)}`, ...headers },
        ...body && { payload: body }
      }),
    /** The events of an aggregate, in the order of the outbox. */
    async events (aggregateId: string) {
      const { rows } = await sql.query<{ payload: string }>(
        'SELECT payload FROM outbox WHERE aggregate_id = $1::uuid ORDER BY id',
        [aggregateId]
      )
      return rows.map(({ payload }) => JSON.parse(payload) as CloudEvent<Record<string, string>>)
    },
    async stop () {
      await app.close()
      await sql.end()
      await issuer.stop()
      await broker.stop()
      await database.drop()
    }
  }
}
export type ServiceUnderTest = Awaited<ReturnType<typeof startService>>
