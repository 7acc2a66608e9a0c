import { sqlOfPool } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { appendVersion, appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

test('every committed row is in the stream once, under its id, and is marked with its sequence', async () => {
  const relay = stage.relay(stage.broker())
  const posts = Array.from({ length: 20 }, () => uuidv7())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 5)))
  relay.wake()
  await eventually(stage.unpublished, (count) => count === 0)
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

test('a transaction that is rolled back leaves no event', async () => {
  const relay = stage.relay(stage.broker())
  const client = await stage.pool.connect()
  await client.query('BEGIN')
  await appendVersion(sqlOfPool(client), uuidv7(), 1)
  await client.query('ROLLBACK')
  client.release()
  await appendVersion(stage.sql, uuidv7(), 1)
  relay.wake()
  await eventually(stage.unpublished, (count) => count === 0)
  expect(await stage.stream()).toHaveLength(1)
})

test('while NATS is down rows wait; they are in the stream within a second of its return', { retry: 2 }, async () => {
  const relay = stage.relay(stage.broker())
  await appendVersion(stage.sql, uuidv7(), 1)
  await eventually(stage.unpublished, (count) => count === 0)
  await stage.nats.halt()
  await appendVersions(stage.pool, uuidv7(), 1, 50)
  relay.wake()
  await eventually(() => relay.status().oldestUnpublishedSeconds, (seconds) => seconds > 1)
  const warnings = stage.lines.filter((line) => line.level >= 40).length
  expect(warnings).toBeLessThan(5)
  await stage.nats.start()
  await eventually(stage.unpublished, (count) => count === 0, 1_000)
  expect(await stage.stream()).toHaveLength(51)
})

test('without an acknowledgement an event is stored once, also beyond the duplicate window of NATS', async () => {
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.update('EVENTS', { duplicate_window: 200 * 1e6 })
  const { relay, proxy } = await stage.relayBehindProxy()
  const [post, other] = [uuidv7(), uuidv7()]
  await appendVersions(stage.pool, post, 1, 2)
  await eventually(stage.unpublished, (count) => count === 0)
  await stage.pool
    .query(`UPDATE outbox SET published_at = published_at - interval '2 minutes',
      created_at = created_at - interval '2 minutes' WHERE aggregate_version = 1`)
  proxy.withhold()
  await appendVersions(stage.pool, post, 3, 5)
  await appendVersion(stage.sql, other, 1)
  relay.wake()
  await eventually(() => stage.stream(), (stream) => stream.length === 4)
  await eventually(() => relay.status().oldestUnpublishedSeconds, (seconds) => seconds > 0.5)
  proxy.cut()
  await eventually(stage.unpublished, (count) => count === 0)
  const stream = await stage.stream()
  expect(stream.filter(({ aggregate }) => aggregate === post).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
  expect(stream).toHaveLength(6)
  const { rows } = await stage.pool
    .query('SELECT event_id AS id, stream_sequence::int AS sequence FROM outbox ORDER BY stream_sequence')
  expect(rows).toEqual(stream.map(({ id, sequence }) => ({ id, sequence })))
})

test('rows published long ago are pruned, others are kept', async () => {
  await appendVersions(stage.pool, uuidv7(), 1, 3)
  await stage.pool
    .query(`UPDATE outbox SET stream_sequence = 1,
      published_at = now() - (9.3 - 1.3 * aggregate_version) * interval '1 day' WHERE aggregate_version < 3`)
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
    await eventually(stage.unpublished, (left) => left === 0)
    delays.push(performance.now() - appended)
  }
  // Each row follows on one that the poll found, so waiting for the poll takes all of its 200 ms.
  expect(Math.min(...delays.slice(1))).toBeLessThan(120)
})
