import type { EventData, EventDefinition } from '@gatepost/contracts/event'
import { appendEvent } from '@gatepost/events/outbox'
import type { Origin } from '../origin.ts'
import { sqlOf } from '@gatepost/events/sql'
import type { Connection } from './database.ts'

/** Stores an event in the transaction of its change; `aggregateVersion` was taken under the lock of the aggregate's row. */
export function storeEvent<Definition extends EventDefinition> (
  tx: Connection, definition: Definition, { data, aggregateVersion, origin }: { data: EventData<Definition>, aggregateVersion: number, origin: Origin | null }
) {
  return appendEvent(sqlOf(tx), definition, { data, aggregateVersion, traceparent: origin?.traceparent })
}
