import { MAX_EVENT_BYTES, type CloudEvent, type EventData, type EventDefinition } from '@gatepost/contracts/event'
import type { Sql } from '@gatepost/service-kit/sql'
import { childTraceparent } from '@gatepost/service-kit/tracing'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { isEnding } from './erasure/erasable.ts'
import { faultOf } from './validation.ts'

/** An event that could never be published; the transaction that wanted to store it must not commit. */
export class UnpublishableEventError extends Error {
  override name = 'UnpublishableEventError'
}

export interface EventOf<Definition extends EventDefinition> {
  data: EventData<Definition>
  /** The aggregate's version after this change: 1, 2, 3 …, taken under the lock of the aggregate's row. */
  aggregateVersion: number
  /** W3C Trace Context of the request or event that led to the change; without it a trace begins. */
  traceparent?: string | undefined
}

const INSERT = `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  VALUES ($1::uuid, $2::uuid, $3::int, $4, $5)`
const INSERT_ENDING =
  `WITH ended AS (INSERT INTO erasures (aggregate_id, version) VALUES ($2::uuid, $3::int) ON CONFLICT DO NOTHING)
  ${INSERT}`

/**
 * Stores an event in the caller's transaction, so that it exists exactly if the change does. Nobody is notified from
 * here, since a NOTIFY in every transaction would serialise their commits: call `relay.wake()` after the commit. The
 * last event of an aggregate whose earlier ones are erasable also asks for their erasure. Throws {@link
 * UnpublishableEventError} for an event that breaks the contract or is larger than MAX_EVENT_BYTES.
 */
export async function appendEvent<Definition extends EventDefinition> (
  sql: Sql, definition: Definition, { data, aggregateVersion, traceparent }: EventOf<Definition>
): Promise<CloudEvent<EventData<Definition>>> {
  const { event, ...row } = outboxRow(definition, { data, aggregateVersion, traceparent })
  await sql.query(isEnding(definition.subject) ? INSERT_ENDING : INSERT, [
    row.eventId,
    row.aggregateId,
    row.aggregateVersion,
    row.subject,
    row.payload
  ])
  return event
}

const INSERT_MANY = `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  SELECT event_id, aggregate_id, aggregate_version, $4, payload
  FROM unnest($1::uuid[], $2::uuid[], $3::int[], $5::text[]) WITH ORDINALITY
    AS event (event_id, aggregate_id, aggregate_version, payload, place) ORDER BY place`
const INSERT_MANY_ENDINGS =
  `WITH ended AS (INSERT INTO erasures (aggregate_id, version)
    SELECT * FROM unnest($2::uuid[], $3::int[]) ON CONFLICT DO NOTHING)
  ${INSERT_MANY}`

/**
 * Stores events of one definition, in their order, as {@link appendEvent} would one after the other, with one
 * statement.
 */
export async function appendEvents<Definition extends EventDefinition> (
  sql: Sql,
  definition: Definition,
  events: EventOf<Definition>[]
): Promise<void> {
  if (events.length === 0) return
  const rows = events.map((event) => outboxRow(definition, event))
  await sql.query(isEnding(definition.subject) ? INSERT_MANY_ENDINGS : INSERT_MANY, [
    rows.map((row) => row.eventId),
    rows.map((row) => row.aggregateId),
    rows.map((row) => row.aggregateVersion),
    definition.subject,
    rows.map((row) => row.payload)
  ])
}

/** The row that `appendEvent` stores. */
export interface OutboxRow<Data = unknown> {
  event: CloudEvent<Data>
  eventId: string
  aggregateId: string
  aggregateVersion: number
  subject: string
  payload: string
}

/**
 * The row of an event for a caller whose change and event are one statement: it must insert exactly this into `outbox`,
 * in the transaction of the change. Throws as {@link appendEvent} does.
 */
export function outboxRow<Definition extends EventDefinition> (
  definition: Definition, { data, aggregateVersion, traceparent }: EventOf<Definition>
): OutboxRow<EventData<Definition>> {
  const event = cloudEventOf(definition, { data, aggregateVersion, traceparent })
  const payload = JSON.stringify(event)
  const fault = faultOf(definition, event)
  if (fault) throw new UnpublishableEventError(`${definition.type}: ${fault}`)
  const size = Buffer.byteLength(payload)
  if (size > MAX_EVENT_BYTES) {
    throw new UnpublishableEventError(`${definition.type}: ${size} bytes, at most ${MAX_EVENT_BYTES} can be published`)
  }
  return {
    event,
    eventId: event.id,
    aggregateId: event.subject,
    aggregateVersion,
    subject: definition.subject,
    payload
  }
}

/** The event as it will be published, with a new id and the time of now. */
function cloudEventOf<Definition extends EventDefinition> (
  definition: Definition, { data, aggregateVersion, traceparent }: EventOf<Definition>
): CloudEvent<EventData<Definition>> {
  return {
    specversion: '1.0',
    id: uuidv7(),
    source: definition.source,
    type: definition.type,
    subject: (data as Record<string, string>)[definition.aggregateId]!,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: `/asyncapi.json#/components/messages/${definition.type}`,
    traceparent: traceparent ?? childTraceparent(undefined),
    aggregateversion: aggregateVersion,
    data
  }
}
