import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import type { Broker, Log } from '@gatepost/events/broker'
import { createRelay } from '@gatepost/events/relay'
import type { Ground } from './ground.ts'

export const IN_FLIGHT = 256
const EVENTS_PER_AGGREGATE = 10
const BATCH = 10_000

/** Publishes a second, of the client alone: no order, no table. */
export async function bareRate (broker: Broker, count: number) {
  const js = broker.jetstream()!
  const payload = payloadOf(randomUUIDv7(), 1)
  const begun = performance.now()
  let next = 0
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < count) await js.publish(postCreated.subject, payload, { msgID: `bare-${begun}-${next++}` })
  }))
  return 1_000 * count / (performance.now() - begun)
}

const FILL = `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  SELECT id, aggregate, version, $5, payload FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[]) AS row (id, aggregate, version, payload)`

/** Rows a second that a relay publishes and marks, from its start until none is left. */
export async function drainRate ({ pool, databaseUrl }: Ground, broker: Broker, log: Log, rows: number) {
  for (let first = 0; first < rows; first += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, rows - first) }, (_, at) => ({ id: randomUUIDv7(), version: at % EVENTS_PER_AGGREGATE + 1 }))
    const aggregates = events.map((_, at) => events[at - at % EVENTS_PER_AGGREGATE]!.id)
    await pool.query(FILL, [events.map(({ id }) => id), aggregates, events.map(({ version }) => version), events.map(({ version }, at) => payloadOf(aggregates[at]!, version)), postCreated.subject])
  }
  const relay = createRelay({ databaseUrl, service: 'posts', broker, log: log as never })
  const begun = performance.now()
  relay.start()
  for (;;) {
    const { rows: [left] } = await pool.query<{ left: boolean }>('SELECT EXISTS (SELECT FROM outbox WHERE stream_sequence IS NULL) AS left')
    if (!left!.left) break
    await sleep(50)
  }
  const elapsed = performance.now() - begun
  await relay.stop()
  return 1_000 * rows / elapsed
}

const payloadOf = (postId: string, version: number) => JSON.stringify({
  specversion: '1.0',
  id: postId,
  source: postCreated.source,
  type: postCreated.type,
  subject: postId,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  dataschema: '/asyncapi.json',
  aggregateversion: version,
  data: { postId, authorId: postId, title: 'A title of some length', content: 'Lorem ipsum dolor sit amet, '.repeat(8), createdAt: new Date().toISOString() }
})
