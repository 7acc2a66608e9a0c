import { type Broker, createBroker } from '@gatepost/events/broker'
import { createLiveTail, type LiveTail } from '@gatepost/events/live'
import { followRevocations, type Revocations } from '@gatepost/events/revocations'
import type { RevocationList } from '@gatepost/service-kit/revocation-list'
import fp from 'fastify-plugin'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Settings } from '../config.ts'
import { type Frame, frameOf } from '../live/frame.ts'

declare module 'fastify' {
  interface FastifyInstance {
    broker: Broker
    revoked: Revocations
    live: LiveTail<Frame>
  }
}

export interface MessagingOptions {
  settings: Settings
  revocations: RevocationList
  log: Logger
  registry: Registry
}

/**
 * The gateway reads two things from NATS: ended sessions, and the events that it streams on. It publishes nothing.
 */
export const messaging = fp<MessagingOptions>(async (app, { settings, revocations, log, registry }) => {
  const broker = createBroker({ servers: settings.NATS_URL.join(','), name: 'gateway', log })
  const revoked = followRevocations({ broker, revocations, accessTokenTtl: settings.ACCESS_TOKEN_TTL, log, registry })
  const live = createLiveTail({ broker, log, itemOf: frameOf })
  app.decorate('broker', broker)
  app.decorate('revoked', revoked)
  app.decorate('live', live)
  // Behind one address with others that judge tokens already, a 503 in the first moments would be a failure.
  app.addHook('onReady', () => revoked.readyOrLate)
  app.addHook('onClose', async () => {
    revoked.stop()
    live.stop()
    await broker.close()
  })
}, { name: 'messaging' })
