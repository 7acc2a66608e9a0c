import { createHash } from 'node:crypto'
import { EVENTS_STREAM, type EventData, type EventDefinition } from '@gatepost/contracts/event'
import { EVENT_MEDIA_TYPE } from '@gatepost/contracts/stream'
import { headers } from '@nats-io/nats-core'
import type { Operator } from './operator.ts'
import { outboxRow } from './outbox.ts'
import { isInPart, type Part } from './parts.ts'
import { scan } from './scan.ts'
import { parseEvent } from './validation.ts'

/** The present state of an aggregate. */
export interface AggregateState<Definition extends EventDefinition = EventDefinition> {
  version: number
  createdAt: Date
  /** As its creating event would say it today. */
  data: EventData<Definition>
}

/** The aggregates of a part whose creating event, or a snapshot, is in the stream. */
export async function begunIn (operator: Operator, { subject }: EventDefinition, part: Part): Promise<Set<string>> {
  const begun = new Set<string>()
  for await (const { data } of scan(operator, { filter: subject })) {
    const { subject: id } = parseEvent(data)
    if (isInPart(id, part)) begun.add(id)
  }
  return begun
}

/**
 * Publishes an aggregate's present state as its creating event, under the version that it has. The same state has the
 * same id, as old as the aggregate: whoever has applied this version takes it for one of the past.
 */
export async function publishSnapshot<Definition extends EventDefinition> (
  { js }: Operator,
  definition: Definition,
  { version, createdAt, data }: AggregateState<Definition>
): Promise<void> {
  const { event } = outboxRow(definition, { data, aggregateVersion: version })
  const id = idOf(event.subject, version, createdAt)
  const head = headers()
  head.set('content-type', EVENT_MEDIA_TYPE)
  await js.publish(definition.subject, JSON.stringify({ ...event, id, time: createdAt.toISOString() }), {
    msgID: id,
    headers: head,
    expect: { streamName: EVENTS_STREAM }
  })
}

/** A UUIDv7 of that time whose random bits follow from the aggregate and its version. */
function idOf (aggregateId: string, version: number, time: Date) {
  const hash = createHash('sha256').update(`${aggregateId} ${version}`).digest('hex')
  const milliseconds = time.getTime().toString(16).padStart(12, '0')
  const variant = (8 + (parseInt(hash[3]!, 16) & 3)).toString(16)
  return [
    milliseconds.slice(0, 8),
    milliseconds.slice(8),
    `7${hash.slice(0, 3)}`,
    `${variant}${hash.slice(4, 7)}`,
    hash.slice(8, 20)
  ].join('-')
}
