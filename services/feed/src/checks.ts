import type { Broker } from '@gatepost/events/broker'
import type { Consumer } from '@gatepost/events/consumer'
import { consumersCheck } from '@gatepost/events/consumers-check'
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
  revoked: Revocations
  /** Seconds. */
  accessTokenTtl: number
}

/** Without its database or the keys of tokens the feed can do nothing; without NATS it answers what it knows. */
export function readinessChecks (
  { database, keys, broker, consumers, revoked, accessTokenTtl }: ChecksOptions
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
        broker.status() === 'connected'
          ? { status: 'up' }
          : { status: 'degraded', detail: 'the feed is as old as the connection is away' }
    },
    tokenLifetimeCheck(accessTokenTtl, () => keys.status().issuedTtl),
    {
      name: 'revocations',
      check: () =>
        revoked.status().caughtUp
          ? { status: 'up' }
          : { status: 'degraded', detail: 'the revoked sessions were not read yet: calls with a token are 503' }
    },
    consumersCheck(consumers)
  ]
}
