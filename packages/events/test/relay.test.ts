import { postDeleted } from '@gatepost/contracts/posts/events'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Pool } from 'pg'
import { appendEvents, UnpublishableEventError } from '../src/outbox.ts'
import { createDrain } from '../src/relay/drain.ts'
import { createRelayMetrics } from '../src/relay/metrics.ts'
import { createPublisher } from '../src/relay/publisher.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { appendVersion, appendVersions, eventually, setStage, sqlOf, type Stage, uuidv7 } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

const unpublished = async () =>
  (await stage.pool.query('SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL')).rows[0]
    .count as number

test('every committed row is in the stream once, under its id, and is marked with the sequence it was given', async () => {
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 20 }, () => uuidv7())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 5)))
  relay.wake()
  await eventually(unpublished, (count) => count === 0)
  const stream = await stage.stream()
  const { rows } = await stage.pool.query('SELECT event_id, stream_sequence::int FROM outbox')
  expect(stream).toHaveLength(100)
  expect(new Map(stream.map((message) => [message.id, message.sequence])))
    .toEqual(new Map(rows.map((row) => [row.event_id, row.stream_sequence])))
  expect(stream.every((message) => message.header === message.id)).toBe(true)
  for (const post of posts) {
    expect(stream.filter((message) => message.aggregate === post).map((message) => message.version)).toEqual([
      1,
      2,
      3,
      4,
      5
    ])
  }
})

test('events that are stored together are one row each, in their order', async () => {
  const [post, other] = [uuidv7(), uuidv7()]
  const deletion = (postId: string, aggregateVersion: number) => ({
    data: { postId, authorId: uuidv7() },
    aggregateVersion
  })
  await appendEvents(stage.sql, postDeleted, [])
  await appendEvents(stage.sql, postDeleted, [deletion(post, 1), deletion(other, 1), deletion(post, 2)])
  const { rows } = await stage.pool
    .query('SELECT event_id, aggregate_id, aggregate_version, payload FROM outbox ORDER BY id')
  expect(rows.map((row) => [row.aggregate_id, row.aggregate_version])).toEqual([[post, 1], [other, 1], [post, 2]])
  for (const row of rows) {
    expect(JSON.parse(row.payload)).toMatchObject({
      id: row.event_id,
      subject: row.aggregate_id,
      aggregateversion: row.aggregate_version
    })
  }
  const broken = appendEvents(stage.sql, postDeleted, [deletion(post, 3), deletion('no uuid', 1)])
  await expect(broken).rejects.toThrow(UnpublishableEventError)
  expect((await stage.pool.query('SELECT FROM outbox')).rowCount).toBe(3)
})

test('a row that is marked while the outbox is read is not published again by what was read', async () => {
  const readBeforeMark = Promise.withResolvers<void>()
  const mark = Promise.withResolvers<void>()
  let reads = 0
  // PostgreSQL answers everything; a slow connection has the answer to an older question come after that to a newer
  // one.
  const pool = {
    async query (text: string, values: unknown[]) {
      if (text.startsWith('UPDATE')) await readBeforeMark.promise
      const answer = await stage.pool.query(text, values)
      if (text.startsWith('UPDATE')) mark.resolve()
      if (text.includes('payload') && !text.startsWith('UPDATE') && ++reads === 2) {
        readBeforeMark.resolve()
        await mark.promise
        await new Promise(setImmediate)
      }
      return answer
    }
  } as unknown as Pool
  const broker = stage.broker()
  await broker.connected()
  const publisher = createPublisher(broker, 'posts')
  const published: string[] = []
  const drain = createDrain({
    store: createOutboxStore(pool),
    broker,
    log: stage.log,
    metrics: createRelayMetrics(undefined),
    held: () => true,
    reconcile: async () => {},
    publisher: { ...publisher, publish (row, done) { published.push(row.id); publisher.publish(row, done) } }
  })
  stage.defer(drain, async () => { await drain.stop(); publisher.stop() })
  await appendVersion(stage.sql, uuidv7(), 1)
  drain.start()
  await eventually(() => reads, (count) => count > 2)
  expect(published).toHaveLength(1)
})

test('a transaction that is rolled back leaves no event', async () => {
  const relay = stage.relay(stage.broker())
  const client = await stage.pool.connect()
  await client.query('BEGIN')
  await appendVersion(sqlOf(client), uuidv7(), 1)
  await client.query('ROLLBACK')
  client.release()
  await appendVersion(stage.sql, uuidv7(), 1)
  relay.wake()
  await eventually(unpublished, (count) => count === 0)
  expect(await stage.stream()).toHaveLength(1)
})

test(
  'a row whose id was taken before but committed after that of others is not passed over',
  { retry: 2 },
  async () => {
    const relay = stage.relay(stage.broker())
    const late = await stage.pool.connect()
    await late.query('BEGIN')
    const post = uuidv7()
    await appendVersion(sqlOf(late), post, 1)
    await appendVersions(stage.pool, uuidv7(), 1, 30)
    relay.wake()
    await eventually(() => stage.stream(), (stream) => stream.length === 30)
    await late.query('COMMIT')
    late.release()
    relay.wake()
    await eventually(() => stage.stream(), (stream) => stream.some((message) => message.aggregate === post), 1_000)
  }
)

test('while NATS is down rows wait; they are in the stream within a second of its return', { retry: 2 }, async () => {
  const relay = stage.relay(stage.broker())
  await appendVersion(stage.sql, uuidv7(), 1)
  await eventually(unpublished, (count) => count === 0)
  await stage.nats.halt()
  await appendVersions(stage.pool, uuidv7(), 1, 50)
  relay.wake()
  await eventually(() => relay.status().oldestUnpublishedSeconds, (seconds) => seconds > 1)
  const warnings = stage.lines.filter((line) => line.level >= 40).length
  expect(warnings).toBeLessThan(5)
  await stage.nats.start()
  await eventually(unpublished, (count) => count === 0, 1_000)
  expect(await stage.stream()).toHaveLength(51)
})

test('an event whose acknowledgement never came stands in the stream once, although NATS was away for longer than it knows repetitions', async () => {
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.update('EVENTS', { duplicate_window: 200 * 1e6 })
  const { relay, proxy } = await stage.relayBehindProxy()
  const [post, other] = [uuidv7(), uuidv7()]
  await appendVersions(stage.pool, post, 1, 2)
  await eventually(unpublished, (count) => count === 0)
  await stage.pool
    .query("UPDATE outbox SET published_at = published_at - interval '2 minutes', created_at = created_at - interval '2 minutes' WHERE aggregate_version = 1")
  proxy.withhold()
  await appendVersions(stage.pool, post, 3, 5)
  await appendVersion(stage.sql, other, 1)
  relay.wake()
  await eventually(() => stage.stream(), (stream) => stream.length === 4)
  await eventually(() => relay.status().oldestUnpublishedSeconds, (seconds) => seconds > 0.5)
  proxy.cut()
  await eventually(unpublished, (count) => count === 0)
  const stream = await stage.stream()
  expect(stream.filter(({ aggregate }) => aggregate === post).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
  expect(stream).toHaveLength(6)
  const { rows } = await stage.pool
    .query('SELECT event_id AS id, stream_sequence::int AS sequence FROM outbox ORDER BY stream_sequence')
  expect(rows).toEqual(stream.map(({ id, sequence }) => ({ id, sequence })))
})

test('a transaction that is open elsewhere holds nothing up', { retry: 2 }, async () => {
  const relay = stage.relay(stage.broker())
  const foreign = await stage.pool.connect()
  await foreign.query('BEGIN')
  await foreign.query('SELECT txid_current()')
  await appendVersions(stage.pool, uuidv7(), 1, 10)
  relay.wake()
  await eventually(unpublished, (count) => count === 0, 1_000)
  await foreign.query('ROLLBACK')
  foreign.release()
})

test('without a wake-up the poll finds a row within a second', { retry: 2 }, async () => {
  stage.relay(stage.broker())
  // What the listener finds when it connects is not to be the poll's merit.
  await eventually(async () =>
    (await stage.pool
      .query("SELECT FROM pg_stat_activity WHERE query = 'LISTEN outbox' AND datname = current_database()")).rowCount
  )
  await eventually(() => stage.lines.some((line) => line.msg === 'this relay leads'))
  for (let count = 0; count < 2; count++) {
    await appendVersion(stage.sql, uuidv7(), 1)
    await eventually(unpublished, (left) => left === 0, 1_000)
  }
})

test('what was published long ago is pruned, what was not is kept', async () => {
  await appendVersions(stage.pool, uuidv7(), 1, 3)
  await stage.pool
    .query("UPDATE outbox SET stream_sequence = 1, published_at = now() - (9.3 - 1.3 * aggregate_version) * interval '1 day' WHERE aggregate_version < 3")
  const versions = async () =>
    (await stage.pool.query('SELECT aggregate_version FROM outbox ORDER BY 1')).rows.map((row) => row.aggregate_version)
  expect(await createOutboxStore(stage.pool).prune(7, 100)).toBe(1)
  expect(await versions()).toEqual([2, 3])
  stage.relay(stage.broker(), { retentionDays: 6.5 })
  await eventually(versions, (left) => left.length === 1)
  expect(await versions()).toEqual([3])
})

test('a replica that stands by passes a wake-up on: the leader publishes before its next poll', async () => {
  const leader = stage.relay(stage.broker())
  await eventually(() => leader.status().leader)
  const standby = stage.relay(stage.broker())
  const delays = []
  for (let count = 0; count < 5; count++) {
    await appendVersion(stage.sql, uuidv7(), 1)
    const appended = performance.now()
    standby.wake()
    await eventually(unpublished, (left) => left === 0)
    delays.push(performance.now() - appended)
  }
  // What waits for the poll waits for all of its 200 ms, since each follows on one that the poll found.
  expect(Math.min(...delays.slice(1))).toBeLessThan(120)
})

test('a version is not published before the one before it, however far back that one lies', async () => {
  const post = uuidv7()
  await appendVersions(stage.pool, uuidv7(), 1, 1)
  await stage.pool.query('UPDATE outbox SET id = 100001')
  const relay = stage.relay(stage.broker())
  await eventually(unpublished, (count) => count === 0)
  const client = await stage.pool.connect()
  await client.query('BEGIN')
  await appendVersion(sqlOf(client), post, 1)
  await client.query('UPDATE outbox SET id = 5 WHERE aggregate_id = $1', [post])
  await appendVersion(sqlOf(client), post, 2)
  await client.query('COMMIT')
  client.release()
  relay.wake()
  await eventually(unpublished, (count) => count === 0)
  expect((await stage.stream()).filter((message) => message.aggregate === post).map((message) => message.version))
    .toEqual([1, 2])
})
