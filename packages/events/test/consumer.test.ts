import { postCreated, postUpdated } from '@gatepost/contracts/posts/events'
import { consumers } from '@gatepost/contracts/events'
import type pg from 'pg'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer, handlerOf, type ConsumerOptions, type Transaction } from '../src/consumer.ts'
import { createEffects, record, recordAll, transactionOf, type Tx } from './support/effects.ts'
import {
  appendDeletion,
  appendVersion,
  appendVersions,
  eventually,
  setStage,
  type Stage,
  uuidv7
} from './support/stage.ts'

let stage: Stage
let feed: pg.Pool
let transaction: Transaction<Tx>
beforeEach(async () => {
  stage = await setStage()
  feed = (await createEffects(stage)).pool
  transaction = transactionOf(feed)
})
afterEach(() => stage.close())

function consume (more: Partial<ConsumerOptions<Tx>> = {}) {
  const consumer = stage.defer(
    createConsumer<Tx>({
      broker: stage.broker('feed'),
      definition: consumers['feed-posts'],
      handlers: recordAll,
      transaction,
      log: stage.log,
      ...more
    }),
    (started) => started.stop()
  )
  consumer.start()
  return consumer
}

const effects = async (post: string) =>
  (await feed.query<{ version: number }>('SELECT version FROM effects WHERE post = $1 ORDER BY id', [post])).rows.map((
    row
  ) => row.version)
const state = async () => {
  const nc = await stage.admin()
  const { jetstreamManager } = await import('@nats-io/jetstream')
  const jsm = await jetstreamManager(nc, { checkAPI: false })
  const { num_ack_pending: unacknowledged, num_pending: pending } = await jsm.consumers.info('EVENTS', 'feed-posts')
  const { state: { messages: dead } } = await jsm.streams.info('DEAD_LETTERS')
  return { unacknowledged, pending, dead }
}
const publishRaw = async (subject: string, payload: string) => {
  const nc = await stage.admin()
  nc.publish(subject, payload)
  await nc.flush()
}

test('each event has its effect once and in its aggregate\'s order, with a second replica beside', async () => {
  const posts = Array.from({ length: 10 }, () => uuidv7())
  consume()
  consume()
  stage.relay(stage.broker())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 8)))
  for (const post of posts) await eventually(() => effects(post), (versions) => versions.length === 8)
  for (const post of posts) expect(await effects(post)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  await eventually(state, ({ unacknowledged, pending }) => unacknowledged === 0 && pending === 0)
})

test('events of several aggregates are handled side by side, those of one aggregate one after the other', async () => {
  const [post, other] = [uuidv7(), uuidv7()]
  for (const [id, version, name] of [[post, 1, 'created'], [post, 2, 'updated'], [other, 1, 'created']] as const) {
    await publishRaw(`events.posts.post-${name}.v1`, JSON.stringify(await appendVersion(stage.sql, id, version)))
  }
  const begun = new Set<string>()
  const registry = new Registry()
  consume({
    registry,
    handlers: {
      ...recordAll,
      [postCreated.type]: handlerOf(postCreated, async (event, tx: Tx) => {
        begun.add(event.data.postId)
        await eventually(() => begun.size === 2)
        await record(event.data.postId, 1, tx)
      })
    }
  })
  await eventually(() => effects(post), (versions) => versions.length === 2)
  const outcomes = async () =>
    (await registry.getSingleMetric('gatepost_consumer_events_total')!.get()).values.filter(({ value }) => value > 0)
      .map(({ labels, value }) => `${labels.outcome} ${value}`).join()
  await eventually(outcomes, (counted) => counted === 'applied 3') // counted after the commit
})

test('an event that is delivered again, or published again, has no second effect', async () => {
  const post = uuidv7()
  const event = await appendVersion(stage.sql, post, 1)
  await publishRaw('events.posts.post-created.v1', JSON.stringify(event))
  await publishRaw('events.posts.post-created.v1', JSON.stringify(event))
  consume()
  await eventually(state, ({ unacknowledged, pending }) => unacknowledged === 0 && pending === 0)
  expect(await effects(post)).toEqual([1])
})

test('an event waits for its predecessor; other aggregates go on', async () => {
  const post = uuidv7()
  const [first, second] = [await appendVersion(stage.sql, post, 1), await appendVersion(stage.sql, post, 2)]
  const other = await appendVersion(stage.sql, uuidv7(), 1)
  consume()
  await publishRaw('events.posts.post-updated.v1', JSON.stringify(second))
  await publishRaw('events.posts.post-created.v1', JSON.stringify(other))
  await eventually(() => effects(other.subject), (versions) => versions.length === 1)
  expect(await effects(post)).toEqual([])
  await publishRaw('events.posts.post-created.v1', JSON.stringify(first))
  await eventually(() => effects(post), (versions) => versions.length === 2)
  expect(await effects(post)).toEqual([1, 2])
})

test('a final event is applied although earlier ones are missing, and what comes late is ignored', async () => {
  const post = uuidv7()
  const created = await appendVersion(stage.sql, post, 1)
  const deleted = await appendDeletion(stage.sql, post, 5)
  consume()
  await publishRaw('events.posts.post-deleted.v1', JSON.stringify(deleted))
  await eventually(() => effects(post), (versions) => versions.length === 1)
  await publishRaw('events.posts.post-created.v1', JSON.stringify(created))
  await eventually(state, ({ unacknowledged, pending }) => unacknowledged === 0 && pending === 0)
  expect(await effects(post)).toEqual([5])
})

test('a type of a later release waits for a replica that knows it, also behind others', async () => {
  const post = uuidv7()
  const first = await appendVersion(stage.sql, post, 1)
  const second = await appendVersion(stage.sql, post, 2)
  const other = await appendVersion(stage.sql, uuidv7(), 1)
  consume()
  await publishRaw('events.posts.post-created.v1', JSON.stringify(first))
  await publishRaw('events.posts.post-archived.v1', JSON.stringify({ ...second, type: 'posts.post-archived.v1' }))
  await publishRaw('events.posts.post-created.v1', JSON.stringify(other))
  await eventually(() => effects(other.subject), (versions) => versions.length === 1)
  await eventually(() => stage.lines.some((line) => line.type === 'posts.post-archived.v1'))
  expect(await state()).toEqual({ unacknowledged: 1, pending: 0, dead: 0 })
  expect((await feed.query('SELECT version FROM inbox WHERE aggregate_id = $1', [post])).rows).toEqual([{ version: 1 }])
})

test('a type without a handler, or of a later version, is passed over and its version recorded', async () => {
  const post = uuidv7()
  const first = await appendVersion(stage.sql, post, 1)
  const second = await appendVersion(stage.sql, post, 2)
  const third = await appendVersion(stage.sql, post, 3)
  consume({ handlers: { [postUpdated.type]: recordAll[postUpdated.type]! } })
  await publishRaw('events.posts.post-created.v1', JSON.stringify(first))
  await publishRaw('events.posts.post-updated.v2', JSON.stringify({ ...second, type: 'posts.post-updated.v2' }))
  await publishRaw('events.posts.post-updated.v1', JSON.stringify(third))
  await eventually(() => effects(post), (versions) => versions.length === 1)
  expect(await effects(post)).toEqual([3])
})

test('what can never work is in the dead-letter stream with its cause before it is ended; the rest goes on', async () => {
  const post = uuidv7()
  const good = await appendVersion(stage.sql, post, 1)
  await publishRaw('events.posts.post-created.v1', 'no json')
  await publishRaw(
    'events.posts.post-created.v1',
    JSON.stringify({ ...good, id: uuidv7(), subject: uuidv7(), data: { title: 1 } })
  )
  await publishRaw('events.posts.post-created.v1', JSON.stringify(good))
  consume()
  await eventually(() => effects(post), (versions) => versions.length === 1)
  await eventually(state, ({ dead, unacknowledged }) => dead === 2 && unacknowledged === 0)
  const nc = await stage.admin()
  const { jetstreamManager } = await import('@nats-io/jetstream')
  const letter = await (await jetstreamManager(nc, { checkAPI: false })).streams.getMessage('DEAD_LETTERS', { seq: 1 })
  expect(letter!.string()).toBe('no json')
  expect(letter!.header.get('Gatepost-Cause')).toBe('not JSON in UTF-8')
  expect(letter!.header.get('Gatepost-Consumer')).toBe('feed-posts')
})

test('a handler that fails is tried again, later each time; its transaction leaves nothing', async () => {
  const post = uuidv7()
  const starts: number[] = []
  consume({
    handlers: {
      [postCreated.type]: handlerOf(postCreated, async (event, tx: Tx) => {
        await record(post, event.aggregateversion, tx)
        if (starts.push(performance.now()) < 3) throw new Error('not today')
      })
    }
  })
  await publishRaw('events.posts.post-created.v1', JSON.stringify(await appendVersion(stage.sql, post, 1)))
  await eventually(() => effects(post), (versions) => versions.length === 1)
  expect(starts).toHaveLength(3)
  expect(starts[1]! - starts[0]!).toBeGreaterThan(95)
  expect(starts[2]! - starts[1]!).toBeGreaterThan(290)
  expect(stage.lines.filter((line) => line.msg === 'event failed; it comes again').map((line) => line.delay)).toEqual([
    100,
    300
  ])
  expect((await feed.query('SELECT consumer FROM inbox')).rows).toEqual([{ consumer: 'feed-posts' }])
})

test('a handler slower than the acknowledgement wait is not given its event twice', async () => {
  const { jetstreamManager } = await import('@nats-io/jetstream')
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 3_000 * 1e6 })
  let starts = 0
  const post = uuidv7()
  consume({
    handlers: {
      [postCreated.type]: async (_event, tx) => {
        starts++
        await new Promise((resolve) => setTimeout(resolve, 4_500))
        await record(post, 1, tx)
      }
    }
  })
  await publishRaw('events.posts.post-created.v1', JSON.stringify(await appendVersion(stage.sql, post, 1)))
  await eventually(() => effects(post), (versions) => versions.length === 1, 30_000)
  await eventually(state, ({ unacknowledged }) => unacknowledged === 0)
  expect(starts).toBe(1)
  expect((await jsm.consumers.info('EVENTS', 'feed-posts')).delivered.consumer_seq).toBe(1)
})

test('a database that is away costs no event its attempts', async () => {
  const post = uuidv7()
  let away = true
  consume({
    transaction: (work) => {
      if (away) throw new Error('connection refused')
      return transaction(work)
    }
  })
  await publishRaw('events.posts.post-created.v1', JSON.stringify(await appendVersion(stage.sql, post, 1)))
  await eventually(() => stage.lines.some((line) => line.msg === 'the database is away; events wait'))
  await new Promise((resolve) => setTimeout(resolve, 500))
  away = false
  await eventually(() => effects(post), (versions) => versions.length === 1)
  expect(await state()).toMatchObject({ dead: 0 })
})
