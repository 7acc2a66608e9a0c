import { userDeleted } from '@gatepost/contracts/auth/events'
import type { CloudEvent } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import { type Broker, createBroker } from '@gatepost/events/broker'
import { type Consumer, createConsumer } from '@gatepost/events/consumer'
import { followRevocations, type Revocations } from '@gatepost/events/revocations'
import type { RevocationList } from '@gatepost/service-kit/revocation-list'
import { type Sql, sqlOf } from '@gatepost/service-kit/sql'
import fp from 'fastify-plugin'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Settings } from '../config.ts'
import { openDatabase } from '../database/database.ts'
import { readModels } from '../read-model.ts'

declare module 'fastify' {
  interface FastifyInstance {
    broker: Broker
    consumers: readonly Consumer[]
    revoked: Revocations
  }
}

export interface MessagingOptions {
  settings: Settings
  revocations: RevocationList
  /** Called once the mark of an author who left is committed. */
  onAuthorDeleted: () => void
  /** Called with each event once its effect is committed. */
  onApplied: (event: CloudEvent) => void
  log: Logger
  registry: Registry
}

/** Events of each consumer that are applied at once. */
const CONCURRENCY = 4

/**
 * The only way in which the feed learns anything: the events of auth and posts. While NATS is away it answers what it
 * knows.
 */
export const messaging = fp<MessagingOptions>(
  async (app, { settings, revocations, onAuthorDeleted, onApplied, log, registry }) => {
    // Connections of its own: catching up with a long absence takes none from the readers.
    const database = openDatabase({
      url: settings.FEED_DATABASE_URL,
      poolSize: 2 * CONCURRENCY,
      metrics: { registry, pool: 'events' }
    })
    const broker = createBroker({ servers: settings.NATS_URL.join(','), name: 'feed', log })
    const revoked = followRevocations({ broker, revocations, accessTokenTtl: settings.ACCESS_TOKEN_TTL, log, registry })
    const [users, posts] = (['feed-users', 'feed-posts'] as const).map((name) => createConsumer<Sql>({
      broker,
      definition: consumers[name]!,
      handlers: readModels[name].handlers,
      transaction: (work) => database.transaction((tx) => {
        const sql = sqlOf(tx)
        return work(sql, sql)
      }),
      log,
      concurrency: CONCURRENCY,
      registry,
      onApplied (event) {
        onApplied(event)
        if (event.type === userDeleted.type) onAuthorDeleted()
      }
    })) as [Consumer, Consumer]
    users.start()
    posts.start()
    app.decorate('broker', broker)
    app.decorate('consumers', [users, posts])
    app.decorate('revoked', revoked)
    // Behind one address with others that judge tokens already, a 503 in the first moments would be a failure.
    app.addHook('onReady', () =>
      revoked.readyOrLate)
    app.addHook('onClose', async () => {
      revoked.stop()
      await Promise.all([users.stop(), posts.stop()])
      await broker.close()
      await database.close()
    })
  },
  { name: 'messaging' }
)
