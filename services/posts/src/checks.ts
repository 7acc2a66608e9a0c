import type { Broker } from '@gatepost/events/broker'
import type { Consumer } from '@gatepost/events/consumer'
import { consumersCheck } from '@gatepost/events/consumers-check'
import type { Relay } from '@gatepost/events/relay'
import type { Revocations } from '@gatepost/events/revocations'
import { databaseCheck } from '@gatepost/service-kit/database-check'
import type { Check } from '@gatepost/service-kit/health'
import type { RemoteKeySource } from '@gatepost/service-kit/key-source'
import { tokenLifetimeCheck } from '@gatepost/service-kit/token-lifetime'
import type { Database } from './database/database.ts'

export interface ChecksOptions {
  database: Database
  keys: RemoteKeySource
  broker: Broker
  consumers: readonly Consumer[]
  relay: Relay
  revoked: Revocations
  /** Seconds. */
  accessTokenTtl: number
}

/** An outbox that is behind by this much is worth an alarm. */
const LATE_SECONDS = 30

/**
 * Without its database or the keys of tokens posts can do nothing; without NATS it can do everything, and the outbox
 * keeps the events.
 */
export function readinessChecks (
  { database, keys, broker, consumers, relay, revoked, accessTokenTtl }: ChecksOptions
): Check[] {
  return [
    databaseCheck(database),
    {
      name: 'keys',
      check: () =>
        keys.status().loaded
          ? { status: 'up' }
          : { status: 'down', detail: 'the keys of access tokens are not read yet' }
    },
    {
      name: 'nats',
      check: () =>
        broker.status() === 'connected' ? { status: 'up' } : { status: 'degraded', detail: 'events wait in the outbox' }
    },
    tokenLifetimeCheck(accessTokenTtl, () => keys.status().issuedTtl),
    {
      name: 'revocations',
      check: () =>
        revoked.status().caughtUp
          ? { status: 'up' }
          : { status: 'degraded', detail: 'the revoked sessions were not read yet: calls with a token are 503' }
    },
    {
      name: 'outbox',
      check () {
        const { oldestUnpublishedSeconds, notPermitted } = relay.status()
        if (notPermitted.length > 0) {
          return { status: 'degraded', detail: `NATS does not permit ${notPermitted.join(', ')}` }
        }
        return oldestUnpublishedSeconds > LATE_SECONDS
          ? { status: 'degraded', detail: `the oldest event waits for ${Math.round(oldestUnpublishedSeconds)} s` }
          : { status: 'up' }
      }
    },
    consumersCheck(consumers)
  ]
}
