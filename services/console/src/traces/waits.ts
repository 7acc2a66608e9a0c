import { events } from '@gatepost/contracts/events'
import type { Readers } from '../database/readers.ts'
import type { ConsumerPlace, EventViews } from '../events/event-view.ts'
import type { Span } from './span.ts'
import type { TraceStore } from './trace-store.ts'

/** An event of a trace that is not applied everywhere yet, or an event whose spans are gone. */
export interface TracedEvent {
  eventId: string
  type: string
  /** Undefined while it is in the outbox alone. */
  sequence: number | undefined
  /** What it waits for in its outbox; undefined once it is in the stream. */
  outbox: string | undefined
  places: ConsumerPlace[]
}

export interface TraceView {
  traceId: string
  spans: Span[]
  events: TracedEvent[]
}

const UNPUBLISHED = `SELECT event_id::text AS "eventId", substr(subject, length('events.') + 1) AS type, attempts,
  quarantined_at IS NOT NULL AS quarantined, last_error AS error
  FROM (SELECT * FROM outbox WHERE stream_sequence IS NULL ORDER BY id DESC LIMIT 1000) waiting
  WHERE position($1 IN payload) > 0 LIMIT 20`

interface Unpublished {
  eventId: string
  type: string
  attempts: number
  quarantined: boolean
  error: string | null
}

/** Puts together what is known of a trace: its spans, and what its events wait for. */
export function createTraceView ({
  store,
  readers,
  views
}: {
  store: TraceStore
  readers: Readers
  views: EventViews
}): (traceId: string) => Promise<TraceView> {
  /** An event that is applied everywhere stays so. */
  const settled = new Map<string, TracedEvent>()

  async function published (span: Span): Promise<TracedEvent | undefined> {
    const { 'messaging.message.id': id, 'gatepost.stream_sequence': sequence } = span.attributes
    if (span.kind !== 'producer' || typeof sequence !== 'number') return undefined
    const known = settled.get(String(id))
    if (known) return known
    const view = await views.read(sequence)
    const event = {
      eventId: String(id),
      type: span.name.replace('publish ', ''),
      sequence,
      outbox: undefined,
      places: view?.places ?? []
    }
    if (event.places.every(({ state }) => state === 'applied')) {
      if (settled.size >= 1_000) settled.clear()
      settled.set(event.eventId, event)
    }
    return event
  }

  async function unpublished (traceId: string): Promise<TracedEvent[]> {
    const owners = [...new Set(events.map(({ owner }) => owner as string))]
    const lists = await Promise.all(
      owners.map(async (owner) => {
        const sql = await readers.find(owner)
        return sql ? sql.query<Unpublished>(UNPUBLISHED, [`-${traceId}-`]) : []
      })
    )
    return lists.flat().map(({ eventId, type, attempts, quarantined, error }) => ({
      eventId,
      type,
      sequence: undefined,
      outbox: quarantined
        ? `is in quarantine: ${error ?? ''}`
        : attempts > 0
          ? `waits to be published again after ${attempts} refusals`
          : 'waits in the outbox for the relay: is NATS there?',
      places: []
    }))
  }

  return async (traceId) => {
    const spans = store.trace(traceId)
    const found = await Promise.all([
      ...spans.map((span) => published(span).catch(() => undefined)),
      ...(spans.some(({ kind }) => kind === 'client') ? [unpublished(traceId).catch(() => [])] : [])
    ])
    return { traceId, spans, events: found.flat().filter((event) => event !== undefined) }
  }
}
