import type { EventData, EventDefinition } from '@gatepost/contracts/event'
import { appendEvent, appendEvents, type EventOf } from '@gatepost/events/outbox'
import { sqlOf } from '@gatepost/service-kit/sql'
import type { Origin } from '../origin.ts'
import type { Connection } from './database.ts'

/**
 * Stores an event in the transaction of its change. The caller took `aggregateVersion` under the lock of the
 * aggregate's row.
 */
export function storeEvent<Definition extends EventDefinition> (
  tx: Connection,
  definition: Definition,
  { data, aggregateVersion, origin }: { data: EventData<Definition>, aggregateVersion: number, origin: Origin | null }
) {
  return appendEvent(sqlOf(tx), definition, { data, aggregateVersion, traceparent: origin?.traceparent })
}

/** Bounds the text of one statement. */
const BATCH = 1_000

/** Stores any number of events of one definition, a thousand a statement. */
export async function storeEvents<Definition extends EventDefinition> (
  tx: Connection,
  definition: Definition,
  events: Array<EventOf<Definition>>
) {
  for (let start = 0; start < events.length; start += BATCH) {
    await appendEvents(sqlOf(tx), definition, events.slice(start, start + BATCH))
  }
}
