import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
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
  SELECT id, aggregate, version, $5, payload
  FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[]) AS row (id, aggregate, version, payload)`

const FILL_PUBLISHED =
  `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload, stream_sequence, published_at)
  SELECT uuidv7(), uuidv7(), 1, $2, '', i, now() FROM generate_series(1, $1::int) i`

/** Rows that are published and kept, with the statistics of every outbox in service: nothing waits. */
export async function fillPublished ({ pool, asOwner }: Ground, rows: number) {
  await pool.query(FILL_PUBLISHED, [rows, postCreated.subject])
  await asOwner('VACUUM ANALYZE outbox')
}

/** Seconds from a relay's start until it has published a backlog, and until each row of it is marked. */
export async function drain (
  { pool, databaseUrl }: Ground,
  { broker, subscriber, log }: { broker: Broker, subscriber: Broker, log: Log },
  rows: number
): Promise<{ published: number, marked: number }> {
  for (let first = 0; first < rows; first += BATCH) {
    const events = Array.from(
      { length: Math.min(BATCH, rows - first) },
      (_, at) => ({ id: randomUUIDv7(), version: at % EVENTS_PER_AGGREGATE + 1 })
    )
    const aggregates = events.map((_, at) => events[at - at % EVENTS_PER_AGGREGATE]!.id)
    await pool.query(FILL, [
      events.map(({ id }) => id),
      aggregates,
      events.map(({ version }) => version),
      events.map(({ version }, at) => payloadOf(aggregates[at]!, version)),
      postCreated.subject
    ])
  }
  const jsm = await subscriber.jetstream()!.jetstreamManager(false)
  const streamed = async () => (await jsm.streams.info(EVENTS_STREAM)).state.messages
  const before = await streamed()
  const relay = createRelay({ databaseUrl, service: 'posts', broker, log: log as never })
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) / 1_000
  let published: number | undefined
  relay.start()
  for (;;) {
    if (published === undefined && await streamed() >= before + rows) published = elapsed()
    const { rows: [left] } = await pool.query<
      { left: boolean }
    >('SELECT EXISTS (SELECT FROM outbox WHERE stream_sequence IS NULL AND quarantined_at IS NULL) AS left')
    if (!left!.left) break
    await sleep(20)
  }
  const marked = elapsed()
  await relay.stop()
  return { published: published ?? marked, marked }
}

const payloadOf = (postId: string, version: number) =>
  JSON.stringify({
    specversion: '1.0',
    id: postId,
    source: postCreated.source,
    type: postCreated.type,
    subject: postId,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: '/asyncapi.json',
    aggregateversion: version,
    data: {
      postId,
      authorId: postId,
      title: 'A title of some length',
      content: 'Lorem ipsum dolor sit amet, '.repeat(8),
      createdAt: new Date().toISOString()
    }
  })
