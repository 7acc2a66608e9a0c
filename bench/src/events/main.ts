import { randomUUIDv7 } from 'node:crypto'
import { createBroker, type Broker, type Log } from '@gatepost/events/broker'
import { appendEvent } from '@gatepost/events/outbox'
import { createRelay } from '@gatepost/events/relay'
import { postCreated } from '@gatepost/contracts/posts/events'
import { describeMachine } from '../gateway/machine.ts'
import { type Ground, prepareGround } from './ground.ts'

const IN_FLIGHT = 256
const silent: Log = { debug: () => {}, info: () => {}, warn: (...words: unknown[]) => { console.log(...words) }, error: (...words: unknown[]) => { console.log(...words) } }

/** The relay's drain beside bare publishing, then how it keeps up with creations, then how long an event is under way. */
export async function benchEvents ({ rows, rate, seconds }: { rows: number, rate: number, seconds: number }) {
  console.log(describeMachine())
  const ground = await prepareGround()
  const broker = createBroker({ servers: ground.natsUrl('posts'), name: 'posts', log: silent })
  await broker.connected()
  try {
    const bare = [await bareRate(broker, 20_000)]
    const drained = await drainRate(ground, broker, rows)
    bare.push(await bareRate(broker, 20_000))
    const beside = (bare[0]! + bare[1]!) / 2
    console.log(`bare JetStream publish, ${IN_FLIGHT} in flight   ${format(beside)}/s`)
    console.log(`relay, backlog of ${rows}               ${format(drained)}/s = ${Math.round(100 * drained / beside)} % of it`)
    await live(ground, broker, { rate, seconds })
    await live(ground, broker, { rate: 500, seconds })
  } finally {
    await broker.close()
    await ground.stop()
  }
}

async function bareRate (broker: Broker, count: number) {
  const js = broker.jetstream()!
  const payload = payloadOf(eventId(0), 0)
  const begun = performance.now()
  let next = 0
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (next < count) await js.publish(postCreated.subject, payload, { msgID: `bare-${begun}-${next++}` })
  }))
  return 1_000 * count / (performance.now() - begun)
}

const eventId = (index: number) => `0192f000-0000-7000-8000-${index.toString(16).padStart(12, '0')}`
const payloadOf = (id: string, index: number) => JSON.stringify({
  specversion: '1.0',
  id,
  source: postCreated.source,
  type: postCreated.type,
  subject: id,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  dataschema: '/asyncapi.json',
  aggregateversion: 1,
  data: { postId: id, authorId: eventId(index % 100), title: 'A title of some length', content: 'Lorem ipsum dolor sit amet, '.repeat(8), createdAt: new Date().toISOString() }
})

const FILL = `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
  SELECT id, aggregate, version, $4, payload FROM unnest($1::uuid[], $2::uuid[], $3::int[], $5::text[]) AS row (id, aggregate, version, payload)`

/** Every tenth aggregate has ten events. */
async function drainRate ({ pool, databaseUrl }: Ground, broker: Broker, rows: number) {
  for (let first = 0; first < rows; first += 10_000) {
    const indexes = Array.from({ length: Math.min(10_000, rows - first) }, (_, at) => first + at)
    await pool.query(FILL, [indexes.map(eventId), indexes.map((index) => eventId(Math.floor(index / 10))), indexes.map((index) => index % 10 + 1), postCreated.subject, indexes.map((index) => payloadOf(eventId(index), index))])
  }
  const relay = createRelay({ databaseUrl, service: 'posts', broker, log: silent as never })
  const begun = performance.now()
  relay.start()
  for (;;) {
    const { rows: [left] } = await pool.query<{ left: boolean }>('SELECT EXISTS (SELECT FROM outbox WHERE stream_sequence IS NULL) AS left')
    if (!left!.left) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const elapsed = performance.now() - begun
  await relay.stop()
  return 1_000 * rows / elapsed
}

/** Commits events at a steady rate, and watches them arrive at a subscriber. */
async function live ({ pool, databaseUrl }: Ground, broker: Broker, { rate, seconds }: { rate: number, seconds: number }) {
  const relay = createRelay({ databaseUrl, service: 'posts', broker, log: silent as never })
  relay.start()
  while (!relay.status().leader) await new Promise((resolve) => setTimeout(resolve, 20))
  const committed = new Map<string, number>()
  const delays: number[] = []
  const subscription = broker.connection()!.subscribe(postCreated.subject, {
    callback (_error, message) {
      const id = message.headers?.get('Nats-Msg-Id') ?? ''
      const at = committed.get(id)
      if (at !== undefined) delays.push(performance.now() - at)
    }
  })
  let oldest = 0
  let count = 0
  let running = 0
  const begun = performance.now()
  const end = begun + seconds * 1_000
  while (performance.now() < end) {
    for (const due = (performance.now() - begun) * rate / 1_000; count < due && running < 200; count++) {
      running++
      const id = randomUUIDv7()
      void appendEvent({ query: async <Row>(text: string, values: readonly unknown[] = []) => (await pool.query(text, [...values])).rows as Row[] }, postCreated, {
        aggregateVersion: 1, data: { postId: id, authorId: id, title: 'A title of some length', content: 'Lorem ipsum dolor sit amet, '.repeat(8), createdAt: new Date().toISOString() }
      }).then((event) => {
        running--
        committed.set(event.id, performance.now())
        relay.wake()
      })
    }
    oldest = Math.max(oldest, relay.status().oldestUnpublishedSeconds)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await new Promise((resolve) => setTimeout(resolve, 500))
  subscription.unsubscribe()
  await relay.stop()
  delays.sort((a, b) => a - b)
  const percentile = (share: number) => `${(delays[Math.floor(delays.length * share)] ?? NaN).toFixed(1)} ms`
  console.log(`live, ${rate}/s asked, ${format(count / seconds)}/s made     oldest unpublished at most ${(oldest * 1_000).toFixed(0)} ms; commit → subscriber p50 ${percentile(0.5)}, p99 ${percentile(0.99)} of ${delays.length}`)
}

const format = (value: number) => Math.round(value).toLocaleString('en')
