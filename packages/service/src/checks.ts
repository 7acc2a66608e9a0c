import type { Store } from '@gatepost/contracts/service'
import type { Broker } from '@gatepost/events/broker'
import { consumersCheck } from '@gatepost/events/consumers-check'
import type { Relay } from '@gatepost/events/relay'
import type { Revocations } from '@gatepost/events/revocations'
import { databaseCheck } from '@gatepost/service-kit/database-check'
import type { Check } from '@gatepost/service-kit/health'
import type { Database } from './database.ts'
import type { Messaging } from './messaging.ts'

export interface ChecksOptions {
  store: Store
  database: Database
  broker: Broker
  messaging: Messaging
  /** Absent where nobody follows them, in auth. */
  revoked: Revocations | undefined
  /** Those of the keys that judge tokens, and the service's own. */
  others: readonly Check[]
}

/** A service without its database or the keys of tokens can do nothing; without NATS it goes on with what it has. */
export function readinessChecks ({ store, database, broker, messaging, revoked, others }: ChecksOptions): Check[] {
  const { relay, consumers } = messaging
  return [
    databaseCheck(database),
    ...others,
    {
      name: 'nats',
      check: () => broker.status() === 'connected' ? { status: 'up' } : { status: 'degraded', detail: without(store) }
    },
    ...revoked ? [revocationsCheck(revoked)] : [],
    ...relay ? [outboxCheck(relay)] : [],
    ...consumers.length > 0 ? [consumersCheck(consumers)] : []
  ]
}

function without (store: Store) {
  return store === 'outbox' ? 'events wait in the outbox' : 'what is shown is as old as the connection is away'
}

function revocationsCheck (revoked: Revocations): Check {
  return {
    name: 'revocations',
    check: () => revoked.status().caughtUp
      ? { status: 'up' }
      : { status: 'degraded', detail: 'the revoked sessions were not read yet: calls with a token are 503' }
  }
}

/** An outbox that is behind by this much is worth an alarm. */
const LATE_SECONDS = 30

function outboxCheck (relay: Relay): Check {
  return {
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
  }
}
