import { sqlOfPool } from '@gatepost/service-kit/sql'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Pool } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDrain } from '../src/relay/drain.ts'
import { createRelayMetrics } from '../src/relay/metrics.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { createPublisher } from '../src/relay/publisher.ts'
import { appendVersion, appendVersions, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

test('a row that is marked while the outbox is read is not published again', async () => {
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

test(
  'a row whose id was taken before but committed after that of others is not passed over',
  { retry: 2 },
  async () => {
    const relay = stage.relay(stage.broker())
    const late = await stage.pool.connect()
    await late.query('BEGIN')
    const post = uuidv7()
    await appendVersion(sqlOfPool(late), post, 1)
    await appendVersions(stage.pool, uuidv7(), 1, 30)
    relay.wake()
    await eventually(() => stage.stream(), (stream) => stream.length === 30)
    await late.query('COMMIT')
    late.release()
    relay.wake()
    await eventually(() => stage.stream(), (stream) => stream.some((message) => message.aggregate === post), 1_000)
  }
)

test('a version is not published before the one before it, however far back that one lies', async () => {
  const post = uuidv7()
  await appendVersions(stage.pool, uuidv7(), 1, 1)
  await stage.pool.query('UPDATE outbox SET id = 100001')
  const relay = stage.relay(stage.broker())
  await eventually(stage.unpublished, (count) => count === 0)
  const client = await stage.pool.connect()
  await client.query('BEGIN')
  await appendVersion(sqlOfPool(client), post, 1)
  await client.query('UPDATE outbox SET id = 5 WHERE aggregate_id = $1', [post])
  await appendVersion(sqlOfPool(client), post, 2)
  await client.query('COMMIT')
  client.release()
  relay.wake()
  await eventually(stage.unpublished, (count) => count === 0)
  expect((await stage.stream()).filter((message) => message.aggregate === post).map((message) => message.version))
    .toEqual([1, 2])
})

test('without a wake-up the poll finds a row within a second', { retry: 2 }, async () => {
  stage.relay(stage.broker())
  // The listener looks once when it connects; the poll is to find the rows alone.
  await eventually(async () =>
    (await stage.pool
      .query("SELECT FROM pg_stat_activity WHERE query = 'LISTEN outbox' AND datname = current_database()")).rowCount
  )
  await eventually(() => stage.lines.some((line) => line.msg === 'this relay leads'))
  for (let count = 0; count < 2; count++) {
    await appendVersion(stage.sql, uuidv7(), 1)
    await eventually(stage.unpublished, (left) => left === 0, 1_000)
  }
})

test('a transaction that is open elsewhere holds nothing up', { retry: 2 }, async () => {
  const relay = stage.relay(stage.broker())
  const foreign = await stage.pool.connect()
  await foreign.query('BEGIN')
  await foreign.query('SELECT txid_current()')
  await appendVersions(stage.pool, uuidv7(), 1, 10)
  relay.wake()
  await eventually(stage.unpublished, (count) => count === 0, 1_000)
  await foreign.query('ROLLBACK')
  foreign.release()
})
