import type { Broker } from '@gatepost/events/broker'
import type { Relay } from '@gatepost/events/relay'
import { databaseCheck } from '@gatepost/service-kit/database-check'
import type { Check } from '@gatepost/service-kit/health'
import type { Database } from './database/database.ts'
import type { KeyStore } from './keys/key-store.ts'
import type { Mailer } from './mail/mailer.ts'

/** An outbox that is this far behind is worth an alarm. */
const LATE_SECONDS = 30

/** Without its database auth can do nothing. Without NATS it can do everything: the outbox keeps the events. */
export function readinessChecks (
  { database, keys, broker, relay, trail, mailer }: {
    database: Database
    keys: KeyStore
    broker: Broker
    relay: Relay
    trail: Check
    mailer: Mailer
  }
): Check[] {
  return [
    databaseCheck(database),
    trail,
    { name: 'mail', check: mailer.check },
    {
      name: 'keys',
      check: () =>
        keys.jwks().keys.length > 0 ? { status: 'up' } : { status: 'down', detail: 'the signing keys are not read yet' }
    },
    {
      name: 'nats',
      check: () =>
        broker.status() === 'connected' ? { status: 'up' } : { status: 'degraded', detail: 'events wait in the outbox' }
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
    }
  ]
}
