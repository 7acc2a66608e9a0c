import { consumers, events } from '@gatepost/contracts/events'
import type { CloudEvent } from '@gatepost/contracts/event'
import { scan } from '@gatepost/events/scan'
import { timeOfUuidv7 } from '@gatepost/service-kit/uuid'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { visible } from './table.ts'

/** Tolerated difference between the clocks of the service and of NATS. */
const SKEW_MS = 60_000

/** One event, from its outbox to the consumers that have applied it. False when it is nowhere. */
export async function show (context: EventsContext): Promise<boolean> {
  const [id] = context.args.words
  if (!id || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) {
    throw new UsageError('show needs the id of an event')
  }
  const streamed = await findInStream(context, id)
  const stored = await findInOutbox(context, id)
  if (!streamed && !stored) {
    context.print(
      { id, found: false },
      `${id} is neither in an outbox nor in the stream: it never was, or it is erased`
    )
    return false
  }
  const event = streamed?.event ?? (stored!.payload === '' ? undefined : JSON.parse(stored!.payload) as CloudEvent)
  const applied = event ? await appliedBy(context, event) : {}
  const { payload: _text, ...outbox } = stored ?? { payload: '' }
  context.print(
    {
      id,
      found: true,
      sequence: streamed?.sequence ?? null,
      outbox: stored ? outbox : null,
      applied,
      event: event ?? null
    },
    [
      event ? visible(JSON.stringify(event, null, 2)).replaceAll('·', '\n') : 'its text is no longer kept',
      '',
      `outbox   ${
        stored
          ? `${stored.service}, row ${stored.row}${
            stored.quarantined ? `, in quarantine: ${visible(stored.error ?? '')}` : ''
          }`
          : 'no longer kept'
      }`,
      `stream   ${streamed ? `sequence ${streamed.sequence}` : 'not in the stream'}`,
      ...Object.entries(applied).map(([consumer, yes]) =>
        `${consumer.padEnd(12)} ${yes ? 'applied' : 'not applied yet'}`
      )
    ].join('\n')
  )
  return true
}

async function findInStream ({ operator }: EventsContext, id: string) {
  const time = new Date(timeOfUuidv7(id).getTime() - SKEW_MS)
  for await (const message of scan(await operator(), { from: { time } })) {
    if (message.headers?.get('Nats-Msg-Id') === id) return { sequence: message.seq, event: message.json<CloudEvent>() }
  }
  return undefined
}

interface Stored {
  service: string
  row: string
  payload: string
  quarantined: boolean
  attempts: number
  error: string | null
  sequence: number | null
}

async function findInOutbox ({ database }: EventsContext, id: string): Promise<Stored | undefined> {
  for (const service of new Set(events.map((event) => event.owner))) {
    const [row] = await (await database(service)).query<Stored>(
      `SELECT $2 AS service, id::text AS row, payload, quarantined_at IS NOT NULL AS quarantined, attempts,
      last_error AS error, stream_sequence::float8 AS sequence FROM outbox WHERE event_id = $1::uuid`,
      [id, service]
    )
    if (row) return row
  }
  return undefined
}

async function appliedBy ({ database }: EventsContext, event: CloudEvent) {
  const applied: Record<string, boolean> = {}
  for (const { name, service, filter } of Object.values(consumers)) {
    if (!matches(filter, `events.${event.type}`)) continue
    const [row] = await (await database(service)).query<{ version: number }>(
      'SELECT version FROM inbox WHERE consumer = $1 AND aggregate_id = $2::uuid',
      [name, event.subject]
    )
    applied[name] = (row?.version ?? 0) >= event.aggregateversion
  }
  return applied
}

function matches (filter: string, subject: string) {
  return filter.endsWith('.>') ? subject.startsWith(filter.slice(0, -1)) : subject === filter
}
