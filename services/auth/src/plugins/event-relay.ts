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
  retentionDays: number
  log: Logger
  registry: Registry
}

/** Carries the outbox to NATS while the process lives. While NATS is away, events wait in the database. */
export const eventRelay = fp<EventRelayOptions>(async (app, { natsUrl, ...options }) => {
  const broker = createBroker({ servers: natsUrl, name: 'auth', log: options.log })
  const relay = createRelay({ service: 'auth', broker, ...options })
  relay.start()
  app.decorate('broker', broker)
  app.decorate('relay', relay)
  app.addHook('onClose', async () => {
    await relay.stop()
    await broker.close()
  })
}, { name: 'event-relay' })
