import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events, type ConsumerDefinition } from '@gatepost/contracts/events'
import { listQuarantined, type QuarantinedEvent } from '@gatepost/events/quarantine'
import type { Readers } from '../database/readers.ts'
import type { Operators } from './operators.ts'

export interface ConsumerStanding {
  name: string
  service: string
  filter: string
  missing: boolean
  /** Not delivered yet; delivered and not acknowledged; delivered more than once of those. */
  pending: number
  inFlight: number
  redelivered: number
  /** Sequences behind the stream's end. */
  lag: number
}

export interface OutboxStanding {
  service: string
  waiting: number
  oldestSeconds: number | null
  quarantined: QuarantinedEvent[]
}

export interface Standing {
  stream: { messages: number, bytes: number, last: number }
  consumers: ConsumerStanding[]
  outboxes: OutboxStanding[]
}

const MOST_WAITING = 10_000
const WAITING = `SELECT count(*)::int AS waiting, extract(epoch FROM now() - min(created_at))::float8 AS "oldestSeconds"
  FROM (SELECT created_at FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NULL
    ORDER BY id LIMIT ${MOST_WAITING}) waiting`

/** How far events have come: in the outboxes of those who publish, and in the consumers of those who follow. */
export async function readStanding ({
  operators,
  readers
}: {
  operators: Operators
  readers: Readers
}): Promise<Standing> {
  const { jsm } = await operators.get()
  const { state } = await jsm.streams.info(EVENTS_STREAM)
  return {
    stream: { messages: state.messages, bytes: state.bytes, last: state.last_seq },
    consumers: await Promise.all(
      Object.values<ConsumerDefinition>(consumers).map(async ({ name, service, filter }) => {
        const info = await jsm.consumers.info(EVENTS_STREAM, name).catch(() => undefined)
        return {
          name,
          service,
          filter,
          missing: info === undefined,
          pending: info?.num_pending ?? 0,
          inFlight: info?.num_ack_pending ?? 0,
          redelivered: info?.num_redelivered ?? 0,
          lag: info && info.num_pending + info.num_ack_pending > 0 ? state.last_seq - info.ack_floor.stream_seq : 0
        }
      })
    ),
    outboxes: await Promise.all(
      owners()
        .map((service) => outboxOf(service, readers))
        .filter((found) => found !== undefined)
    )
  }
}

const owners = () => [...new Set(events.map(({ owner }) => owner as string))]

function outboxOf (service: string, readers: Readers) {
  return readers.find(service)?.then(async (sql): Promise<OutboxStanding> => {
    const [row] = await sql.query<{ waiting: number, oldestSeconds: number | null }>(WAITING)
    return { service, ...row!, quarantined: (await listQuarantined(sql)).slice(0, 100) }
  })
}
