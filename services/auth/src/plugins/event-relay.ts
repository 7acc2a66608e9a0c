import fp from 'fastify-plugin'
import { type Broker, createBroker } from '@gatepost/events/broker'
import { createRelay, type Relay } from '@gatepost/events/relay'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'

declare module 'fastify' {
  interface FastifyInstance {
    broker: Broker
    relay: Relay
  }
}

export interface EventRelayOptions {
  databaseUrl: string
  natsUrl: string
  log: Logger
  registry: Registry
}

/** Carries the outbox to NATS while the process lives. While NATS is away, events wait in the database. */
export const eventRelay = fp<EventRelayOptions>(async (app, { databaseUrl, natsUrl, log, registry }) => {
  const broker = createBroker({ servers: natsUrl, name: 'auth', log })
  const relay = createRelay({ databaseUrl, service: 'auth', broker, log, registry })
  relay.start()
  app.decorate('broker', broker)
  app.decorate('relay', relay)
  app.addHook('onClose', async () => {
    await relay.stop()
    await broker.close()
  })
}, { name: 'event-relay' })
