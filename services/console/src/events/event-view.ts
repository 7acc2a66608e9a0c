import type { CloudEvent } from '@gatepost/contracts/event'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events, type ConsumerDefinition } from '@gatepost/contracts/events'
import { listDeadLetters } from '@gatepost/events/dead-letters'
import { parseEvent } from '@gatepost/events/validation'
import type { Readers } from '../database/readers.ts'
import type { Operators } from './operators.ts'

/** Where an event is in one consumer, and what it waits for there. */
export interface ConsumerPlace {
  consumer: string
  service: string
  state: 'applied' | 'waits' | 'dead' | 'unknown'
  reason: string
  deadLetter?: number
}

export interface EventView {
  sequence: number
  event: CloudEvent
  places: ConsumerPlace[]
  /** Events of the same aggregate that the owner's outbox still has. */
  history: Array<{ version: number, type: string, time: string, sequence: number | null, eventId: string }>
}

const HISTORY = `SELECT aggregate_version AS version, substr(subject, length('events.') + 1) AS type,
  created_at AS time, stream_sequence::float8 AS sequence, event_id::text AS "eventId"
  FROM outbox WHERE aggregate_id = $1::uuid ORDER BY aggregate_version DESC LIMIT 100`
const POSITION = 'SELECT version FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid'
const NEWEST_LETTERS = 500

export interface EventViews {
  /** Undefined for a sequence that the stream does not have (any more). */
  read (sequence: number): Promise<EventView | undefined>
  /** Where an event of the stream is in each of our consumers. */
  placesOf (event: CloudEvent, sequence: number): Promise<ConsumerPlace[]>
}

export function createEventViews ({ operators, readers }: { operators: Operators, readers: Readers }): EventViews {
  async function placeIn (
    { name, service }: ConsumerDefinition,
    event: CloudEvent,
    sequence: number
  ): Promise<ConsumerPlace> {
    const place = { consumer: name, service }
    const sql = await readers.find(service)
    const [position] = sql ? await sql.query<{ version: number }>(POSITION, [name, event.subject]) : []
    if (position !== undefined && position.version >= event.aggregateversion) {
      return { ...place, state: 'applied', reason: `applied: the aggregate is at version ${position.version}` }
    }
    const operator = await operators.get()
    const letter = (await listDeadLetters(operator, name, { newest: NEWEST_LETTERS })).find(
      (one) => one.sequence === sequence || one.event?.id === event.id
    )
    if (letter) {
      return {
        ...place,
        state: 'dead',
        reason: `dead letter ${letter.number}: ${letter.cause}`,
        deadLetter: letter.number
      }
    }
    const info = await operator.jsm.consumers.info(EVENTS_STREAM, name).catch(() => undefined)
    if (info === undefined) return { ...place, state: 'waits', reason: 'for the durable consumer, which is missing' }
    if (info.ack_floor.stream_seq >= sequence) {
      return sql
        ? { ...place, state: 'applied', reason: 'acknowledged' }
        : { ...place, state: 'unknown', reason: 'acknowledged' }
    }
    if (position !== undefined && position.version < event.aggregateversion - 1) {
      return { ...place, state: 'waits', reason: `for version ${position.version + 1} of its aggregate` }
    }
    if (info.delivered.stream_seq < sequence) {
      return {
        ...place,
        state: 'waits',
        reason: `for ${info.num_pending} events that were not delivered yet: does ${service} run?`
      }
    }
    return {
      ...place,
      state: 'waits',
      reason: `for ${service} to handle it: delivered, not acknowledged; what failed comes again`
    }
  }

  async function placesOf (event: CloudEvent, sequence: number) {
    const readersOfIt = Object.values<ConsumerDefinition>(consumers).filter(({ filter }) =>
      matches(filter, `events.${event.type}`)
    )
    return Promise.all(readersOfIt.map((consumer) => placeIn(consumer, event, sequence)))
  }

  return {
    placesOf,
    async read (sequence) {
      const { jsm } = await operators.get()
      const message = await jsm.streams.getMessage(EVENTS_STREAM, { seq: sequence })
      if (!message) return undefined
      const event = parseEvent(message.data)
      const owner = events.find(({ type }) => type === event.type)?.owner
      const sql = owner && (await readers.find(owner))
      const history = sql ? await sql.query<EventView['history'][number]>(HISTORY, [event.subject]) : []
      return { sequence, event, places: await placesOf(event, sequence), history }
    }
  }
}

export function matches (filter: string, subject: string): boolean {
  return filter.endsWith('.>') ? subject.startsWith(filter.slice(0, -1)) : subject === filter
}
