import type { CloudEvent } from '@gatepost/contracts/event'
import { consumersOf } from '@gatepost/contracts/events'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import type { Broker } from '@gatepost/events/broker'
import { createConsumer, type Handler } from '@gatepost/events/consumer'
import { createRelay } from '@gatepost/events/relay'
import { type Sql, sqlOf } from '@gatepost/service-kit/sql'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Database } from './database.ts'

/** Events that each consumer of a read model applies at once. */
export const READ_MODEL_CONCURRENCY = 4
/** Elsewhere each takes a connection of the pool that requests are served from. */
const CONCURRENCY = 2

/** By event type: what an event does, in one transaction with the record of it. */
export type Effects = Record<string, Handler<Sql>>

export interface MessagingOptions<Connection> {
  service: ServiceDefinition
  broker: Broker
  /** Where events are applied. */
  database: Database<Connection>
  databaseUrl: string
  retentionDays: number
  effects: Effects
  onCommitted: (event: CloudEvent) => void
  log: Logger
  registry: Registry
}

/**
 * Events out and in: the relay of a service with an outbox, and its durable consumers. NATS may be away for any time:
 * events out wait in the outbox, events in wait in the stream.
 */
export function createMessaging<Connection> (options: MessagingOptions<Connection>) {
  const { service, broker, database, databaseUrl, retentionDays, effects, onCommitted, log, registry } = options
  const relay = service.store === 'outbox'
    ? createRelay({ databaseUrl, service: service.name, broker, log, retentionDays, registry })
    : undefined
  refuseOthers(service, Object.keys(effects))
  const consumers = consumersOf(service).map((definition) =>
    createConsumer<Sql>({
      broker,
      definition,
      handlers: effects,
      transaction: (work) => database.transaction((tx) => {
        const sql = sqlOf(tx as Parameters<typeof sqlOf>[0])
        return work(sql, sql)
      }),
      concurrency: service.store === 'inbox' ? READ_MODEL_CONCURRENCY : CONCURRENCY,
      onApplied: onCommitted,
      log,
      registry
    })
  )
  return {
    relay,
    consumers,
    start () {
      relay?.start()
      for (const consumer of consumers) consumer.start()
    },
    async stop () {
      await Promise.all(consumers.map((consumer) => consumer.stop()))
      await relay?.stop()
    }
  }
}
/** A service applies what it declares: no less, since it would be lost, and no more, since it would never come. */
function refuseOthers ({ name, consumes }: ServiceDefinition, applied: string[]) {
  const declared = consumes.map(({ type }) => type)
  const wrong = [
    ...declared.filter((type) => !applied.includes(type)).map((type) => `${type} is not applied`),
    ...applied.filter((type) => !declared.includes(type)).map((type) => `${type} is not among what it consumes`)
  ]
  if (wrong.length > 0) throw new TypeError(`${name}: ${wrong.join(', ')}`)
}

export type Messaging = ReturnType<typeof createMessaging>
