import { sqlOf } from '@gatepost/service-kit/sql'
import fp from 'fastify-plugin'
import { consumers } from '@gatepost/contracts/events'
import { userDeleted } from '@gatepost/contracts/auth/events'
import { type Broker, createBroker } from '@gatepost/events/broker'
import { type Consumer, createConsumer, handlerOf } from '@gatepost/events/consumer'
import { createRelay, type Relay } from '@gatepost/events/relay'
import { followRevocations, type Revocations } from '@gatepost/events/revocations'
import type { RevocationList } from '@gatepost/service-kit/revocation-list'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { deletedAuthorRepository } from '../authors/deleted-author-repository.ts'
import type { Settings } from '../config.ts'
import type { Connection, Database } from '../database/database.ts'

declare module 'fastify' {
  interface FastifyInstance {
    broker: Broker
    consumers: readonly Consumer[]
    relay: Relay
    revoked: Revocations
  }
}

export interface MessagingOptions {
  settings: Settings
  database: Database
  revocations: RevocationList
  /** Called once the mark of an author who left is committed. */
  onAuthorDeleted: () => void
  log: Logger
  registry: Registry
}

/** Each takes a connection of the pool that requests are served from. */
const CONSUMER_CONCURRENCY = 2

/**
 * Events out and in. NATS may be away for as long as it likes: what goes out waits in the outbox, what comes in waits
 * in the stream.
 */
export const messaging = fp<MessagingOptions>(
  async (app, { settings, database, revocations, onAuthorDeleted, log, registry }) => {
    const broker = createBroker({ servers: settings.NATS_URL.join(','), name: 'posts', log })
    const relay = createRelay({
      databaseUrl: settings.POSTS_DATABASE_URL,
      service: 'posts',
      broker,
      log,
      retentionDays: settings.OUTBOX_RETENTION_DAYS,
      registry
    })
    const revoked = followRevocations({ broker, revocations, accessTokenTtl: settings.ACCESS_TOKEN_TTL, log, registry })
    const consumer = createConsumer<Connection>({
      broker,
      definition: consumers['posts-users']!,
      handlers: {
        [userDeleted.type]: handlerOf(userDeleted, ({ data, traceparent }, tx: Connection) =>
          deletedAuthorRepository.add(tx, { authorId: data.userId, traceparent }))
      },
      async transaction (work) {
        const result = await database.transaction((tx) =>
          work(tx, sqlOf(tx))
        )
        onAuthorDeleted()
        return result
      },
      log,
      concurrency: CONSUMER_CONCURRENCY,
      registry
    })
    relay.start()
    consumer.start()
    app.decorate('broker', broker)
    app.decorate('consumers', [consumer])
    app.decorate('relay', relay)
    app.decorate('revoked', revoked)
    // Behind one address with others that judge tokens already, a 503 in the first moments would be a failure.
    app.addHook('onReady', () =>
      revoked.readyOrLate)
    app.addHook('onClose', async () => {
      revoked.stop()
      await consumer.stop()
      await relay.stop()
      await broker.close()
    })
  },
  { name: 'messaging' }
)
