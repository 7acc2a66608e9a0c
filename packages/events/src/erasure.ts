import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { eventOfType, events } from '@gatepost/contracts/events'
import { JetStreamApiError, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Broker } from './broker.ts'
import { DEAD_LETTER_STREAM } from './provision/configuration.ts'
import { parseEvent } from './validation.ts'

/** Subjects whose events are erased at the end, and those of the events that are that end. */
export const ERASABLE_SUBJECTS = events.filter((event) => event.erasable).map((event) => event.subject)
/** The services that publish personal events, and erase them. */
export const ERASABLE_OWNERS: ReadonlySet<string> = new Set(events.filter((event) => event.erasable).map((event) => event.owner))
export const ENDING_SUBJECTS = events
  .filter((event) => event.final && events.some((other) => other.erasable && other.owner === event.owner && other.aggregate === event.aggregate))
  .map((event) => event.subject)

const DUE = `SELECT o.id::text, o.stream_sequence::float8 AS sequence, o.event_id::text AS "eventId" FROM outbox ending
  JOIN outbox o ON o.aggregate_id = ending.aggregate_id AND o.aggregate_version < ending.aggregate_version
  WHERE ending.subject = ANY ($1) AND ending.stream_sequence IS NOT NULL AND o.subject = ANY ($2) AND o.stream_sequence IS NOT NULL
    AND ($3::uuid[] IS NULL OR ending.aggregate_id = ANY ($3))
  LIMIT 200`
const FORGET = 'DELETE FROM outbox WHERE id = ANY ($1::bigint[])'
const ENDED = 'SELECT DISTINCT aggregate_id::text AS id FROM outbox WHERE subject = ANY ($1) AND aggregate_id = ANY ($2::uuid[])'

export interface ErasureReport {
  /** Events that are no longer in the stream, nor in the outbox. */
  events: number
  deadLetters: number
}

/**
 * Erases the personal events of every aggregate whose final event is in the stream: the message is overwritten on disk,
 * then the outbox row is deleted, so that what an interruption left over is found the next time. Consumers cope, since a
 * final event needs none before it. By default of all aggregates, which reads the whole outbox. Throws when NATS or the database is away; to be called again then.
 */
export async function eraseEnded (
  { pool, broker, log, aggregateIds }: { pool: Pool, broker: Broker, log: Logger, aggregateIds?: string[] }
): Promise<ErasureReport> {
  const report = { events: 0, deadLetters: 0 }
  if (ENDING_SUBJECTS.length === 0) return report
  const jsm = await jetstreamManager(await broker.connected(), { checkAPI: false })
  for (;;) {
    const { rows } = await pool.query<{ id: string, sequence: number, eventId: string }>(DUE, [ENDING_SUBJECTS, ERASABLE_SUBJECTS, aggregateIds ?? null])
    if (rows.length === 0) break
    for (const row of rows) if (await eraseMessage(jsm, row)) report.events++
    await pool.query(FORGET, [rows.map((row) => row.id)])
  }
  report.deadLetters = await eraseDeadLetters(jsm, pool)
  if (report.events + report.deadLetters > 0) log.info(report, 'personal events erased')
  return report
}

/** Only the very event: after a loss the broker may have given its sequence to another. */
async function eraseMessage (jsm: JetStreamManager, { sequence, eventId }: { sequence: number, eventId: string }): Promise<boolean> {
  const message = await jsm.streams.getMessage(EVENTS_STREAM, { seq: sequence })
  if (message?.header.get('Nats-Msg-Id') !== eventId) return false
  return deleteMessage(jsm, EVENTS_STREAM, sequence)
}

async function deleteMessage (jsm: JetStreamManager, stream: string, sequence: number) {
  try {
    return await jsm.streams.deleteMessage(stream, sequence, true)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === 10043) return false // it is gone already
    throw error
  }
}

/** Dead letters are few, so all are looked at. */
async function eraseDeadLetters (jsm: JetStreamManager, pool: Pool): Promise<number> {
  const { state } = await jsm.streams.info(DEAD_LETTER_STREAM)
  const personal = new Map<number, string>()
  for (let sequence = state.first_seq; state.messages > 0 && sequence <= state.last_seq; sequence++) {
    const message = await jsm.streams.getMessage(DEAD_LETTER_STREAM, { seq: sequence })
    const aggregate = message && personalAggregateOf(message.data)
    if (aggregate) personal.set(sequence, aggregate)
  }
  const { rows } = await pool.query<{ id: string }>(ENDED, [ENDING_SUBJECTS, [...new Set(personal.values())]])
  const ended = new Set(rows.map((row) => row.id))
  let count = 0
  for (const [sequence, aggregate] of personal) {
    if (ended.has(aggregate) && await deleteMessage(jsm, DEAD_LETTER_STREAM, sequence)) count++
  }
  return count
}

function personalAggregateOf (data: Uint8Array): string | undefined {
  try {
    const event = parseEvent(data)
    return eventOfType(event.type)?.erasable ? event.subject : undefined
  } catch {
    return undefined // no event, so nobody's
  }
}
