import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import { consumers } from '@gatepost/contracts/events'
import { postDeleted } from '@gatepost/contracts/posts/events'
import { createDatabase } from '@gatepost/testing/database'
import { jetstreamManager } from '@nats-io/jetstream'
import pg from 'pg'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer } from '../src/consumer.ts'
import { createErasureStore } from '../src/erasure/erasure-store.ts'
import { appendEvent, appendEvents } from '../src/outbox.ts'
import { provision } from '../src/provision.ts'
import { createRelay } from '../src/relay.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import {
  appendDeletion,
  appendVersion,
  appendVersions,
  eventually,
  setStage,
  sqlOf,
  type Stage,
  uuidv7
} from './support/stage.ts'

const MARK = 'Wilhelmina Vanishing'
const WITHIN = 10_000
const UNREAD = 3_000

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

const relay = (more: object = {}) => stage.relay(stage.broker(), more)
const jetStream = async () => jetstreamManager(await stage.admin(), { checkAPI: false })
const unpublished = async (pool = stage.pool) =>
  (await pool.query('SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL')).rows[0].count as number
const published = () => eventually(unpublished, (count) => count === 0)
const versionsOf = async (post: string) =>
  (await stage.stream()).filter(({ aggregate }) => aggregate === post).map(({ version }) => version)
const erased = async (pool = stage.pool) =>
  eventually(
    async () => (await pool.query('SELECT erased_at FROM erasures')).rows,
    (rows) => rows.length > 0 && rows.every((row) => row.erased_at),
    WITHIN
  )

/** Whether a file of the broker holds the text. */
async function onDisk (text = MARK) {
  const folder = join(stage.nats.dataDir, 'store')
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const bytes = file.isFile()
      ? await readFile(join(file.parentPath, file.name)).catch(() => Buffer.alloc(0))
      : undefined
    if (bytes?.includes(text)) return true
  }
  return false
}

/** Whether any visible row of any table holds the text. */
async function inRows (pool = stage.pool, text = MARK) {
  const { rows: tables } = await pool.query<
    { name: string }
  >("SELECT format('public.%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
  for (const { name } of tables) {
    const { rowCount } = await pool.query(
      `SELECT FROM ${name} AS each WHERE each::text LIKE '%' || $1 || '%' LIMIT 1`,
      [text]
    )
    if (rowCount) return true
  }
  return false
}

const gone = (pool = stage.pool) => eventually(async () => !await onDisk() && !await inRows(pool), Boolean, WITHIN)

/** A post of three versions in the stream. */
async function writePost (text = MARK) {
  const post = uuidv7()
  await appendVersions(stage.pool, post, 1, 3, text)
  await published()
  return post
}

test('the text of a deleted post is in no file of the broker and no row; its end and other posts stay', async () => {
  relay()
  const post = await writePost()
  const other = await writePost('Bob Staying')
  expect([await onDisk(), await inRows()]).toEqual([true, true])
  await appendDeletion(stage.sql, post, 4)
  await gone()
  await erased()
  expect([await versionsOf(post), await versionsOf(other)]).toEqual([[4], [1, 2, 3]])
  expect(await onDisk('Bob Staying')).toBe(true)
})

test('once a user has left, the name is gone', async () => {
  const database = stage.defer(await createDatabase('auth'), (created) => created.drop())
  const auth = stage.defer(new pg.Pool({ connectionString: database.url, max: 3 }), (opened) => opened.end())
  stage.defer(
    createRelay({ databaseUrl: database.url, service: 'auth', broker: stage.broker('auth'), log: stage.log }),
    (each) => each.stop()
  ).start()
  const userId = uuidv7()
  await appendEvent(sqlOf(auth), userRegistered, {
    data: { userId, displayName: MARK, registeredAt: new Date().toISOString() },
    aggregateVersion: 1
  })
  await appendEvent(sqlOf(auth), userUpdated, {
    data: { userId, displayName: `${MARK} the Second` },
    aggregateVersion: 2
  })
  await eventually(() => unpublished(auth), (count) => count === 0)
  await eventually(onDisk)
  await appendEvent(sqlOf(auth), userDeleted, { data: { userId }, aggregateVersion: 3 })
  await gone(auth)
  await eventually(async () => (await auth.query('SELECT subject FROM outbox')).rows, (rows) => rows.length === 1)
  expect((await stage.stream()).map((message) => message.subject)).toEqual([userDeleted.subject])
})

test('posts that are deleted together are erased each', async () => {
  relay()
  const posts = [await writePost(), await writePost(), await writePost()]
  await appendEvents(
    stage.sql,
    postDeleted,
    posts.map((postId) => ({ data: { postId, authorId: uuidv7() }, aggregateVersion: 4 }))
  )
  await gone()
  expect((await stage.stream()).map((message) => message.subject)).toEqual(posts.map(() => postDeleted.subject))
})

test('a post is erased that the outbox has long forgotten', async () => {
  relay()
  const post = await writePost()
  await stage.pool.query("UPDATE outbox SET published_at = now() - interval '8 days'")
  expect(await createOutboxStore(stage.pool).prune(7, 100)).toBe(3)
  expect(await inRows()).toBe(false)
  await appendDeletion(stage.sql, post, 4)
  await gone()
  expect((await stage.pool.query('SELECT FROM event_positions')).rowCount).toBe(0)
})

test('what a release that erased nothing left behind is found by the next leader, also where an event stands twice', async () => {
  const first = relay()
  const [deleted, living] = [await writePost(), await writePost('Bob Staying')]
  const jsm = await jetStream()
  const { subject, data } = (await jsm.streams.getMessage('EVENTS', { seq: 1 }))!
  await jsm.jetstream().publish(subject, data)
  await appendDeletion(stage.sql, deleted, 4)
  await published()
  await first.stop()
  await stage.pool
    .query('DELETE FROM outbox; DELETE FROM erasures; DELETE FROM stream_readings; DELETE FROM event_positions')
  await jsm.jetstream().publish(subject, data)
  relay()
  await gone()
  await erased()
  expect([await versionsOf(deleted), await versionsOf(living)]).toEqual([[4], [1, 2, 3]])
  await appendDeletion(stage.sql, living, 4)
  await eventually(() => onDisk('Bob Staying'), (found) => !found, WITHIN)
})

test('events are published while a new leader reads what others left in a long stream', async () => {
  const js = (await jetStream()).jetstream()
  await Promise.all(Array.from({ length: UNREAD }, () => js.publish(postDeleted.subject, 'no event')))
  const read = async () =>
    Number((await stage.pool.query('SELECT sequence FROM stream_readings')).rows[0]?.sequence ?? 0)
  const started = relay()
  await eventually(read)
  for (let count = 0; count < 5; count++) {
    await appendVersion(stage.sql, uuidv7(), 1)
    started.wake()
    await published()
  }
  expect(await read()).toBeLessThan(UNREAD)
  await eventually(read, (sequence) => sequence >= UNREAD)
})

test('a post that is deleted while NATS is away is erased once it is back, and the age of what waits is shown meanwhile', async () => {
  const registry = new Registry()
  relay({ registry })
  const post = await writePost()
  await stage.nats.halt()
  await appendDeletion(stage.sql, post, 4)
  const oldest = async () =>
    (await registry.getSingleMetric('gatepost_erasures_oldest_seconds')!.get()).values[0]!.value
  await eventually(oldest, (seconds) => seconds > 0)
  await stage.nats.start()
  await gone()
  await eventually(oldest, (seconds) => seconds === 0)
})

test('a refused event of a deleted post no longer keeps its end waiting', async () => {
  const post = uuidv7()
  await appendVersion(stage.sql, post, 1, MARK)
  await stage.pool.query("UPDATE outbox SET payload = rpad(payload, 1200000, ' ')")
  const started = relay()
  await eventually(() => started.status().quarantined, (count) => count === 1)
  await appendDeletion(stage.sql, post, 2)
  await gone()
  await eventually(() => versionsOf(post), (versions) => versions.join() === '2')
})

test('the dead letters of a deleted post are erased, also one that comes late; that of its end stays', async () => {
  relay()
  const post = await writePost()
  const jsm = await jetStream()
  const bury = (data: Uint8Array | string, subject = `dead-letters.feed-posts.${post}`) =>
    jsm.jetstream().publish(subject, data)
  const { data } = (await jsm.streams.getMessage('EVENTS', { seq: 1 }))!
  await bury(data)
  await bury(data, 'dead-letters.feed-posts')
  await bury('no event', 'dead-letters.feed-posts')
  const end = await appendDeletion(stage.sql, post, 4)
  await bury(JSON.stringify(end))
  await gone()
  await erased()
  await bury(data)
  await stage.pool.query('UPDATE erasures SET due_at = now()')
  await eventually(async () => (await stage.pool.query('SELECT FROM erasures')).rowCount, (count) => count === 0)
  expect(await onDisk()).toBe(false)
  expect((await jsm.streams.info('DEAD_LETTERS')).state.messages).toBe(2)
})

test('a consumer files a dead letter under its aggregate', async () => {
  const feed = stage.defer(await createDatabase('feed'), (created) => created.drop())
  const pool = stage.defer(new pg.Pool({ connectionString: feed.url }), (opened) => opened.end())
  const consumer = stage.defer(createConsumer<pg.PoolClient>({
    broker: stage.broker('feed'),
    definition: consumers['feed-posts'],
    handlers: {},
    log: stage.log,
    transaction: async (work) => {
      const client = await pool.connect()
      return work(client, sqlOf(client)).finally(() => client.release())
    }
  }), (started) => started.stop())
  consumer.start()
  const { subject } = await appendVersion(stage.sql, uuidv7(), 1, MARK)
  await stage.pool.query("UPDATE outbox SET payload = replace(payload, '\"createdAt\"', '\"created\"')")
  relay()
  await eventually(() => stage.lines.some((line) => line.msg === 'event dead-lettered'))
  expect((await (await jetStream()).streams.getMessage('DEAD_LETTERS', { seq: 1 }))!.subject)
    .toBe(`dead-letters.feed-posts.${subject}`)
  await appendDeletion(stage.sql, subject, 2)
  await gone()
})

test('what cannot be erased now is tried again, later each time', async () => {
  relay()
  const post = await writePost()
  const jsm = await jetStream()
  await jsm.streams.delete('DEAD_LETTERS')
  await appendDeletion(stage.sql, post, 4)
  const attempts = async () =>
    (await stage.pool.query('SELECT attempts, extract(epoch FROM due_at - now())::float8 AS delay FROM erasures'))
      .rows[0]
  await eventually(attempts, (row) => row.attempts === 2 && row.delay > 1)
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await erased()
  await gone()
})

test('no statement of the eraser reads the outbox as a whole', async () => {
  const single = stage.defer(new pg.Pool({ connectionString: stage.database.url, max: 1 }), (opened) => opened.end())
  const scans = async () => {
    await single.query('SELECT pg_stat_force_next_flush()')
    return (await single
      .query("SELECT seq_scan::int AS sequential, idx_scan::int AS indexed FROM pg_stat_user_tables WHERE relname = 'outbox'"))
      .rows[0]
  }
  await single
    .query(`INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload, stream_sequence, published_at)
    SELECT gen_random_uuid(), ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 1, 'events.posts.post-created.v1', 'x', i, now() FROM generate_series(1, 20000) i`)
  await single
    .query('INSERT INTO erasures (aggregate_id, version) SELECT aggregate_id, 2 FROM outbox WHERE stream_sequence % 10 = 0')
  await stage.asOwner('VACUUM ANALYZE outbox')
  const store = createErasureStore(single)
  const before = await scans()
  const due = await store.due(100)
  const positions = await store.find(due.map(({ aggregateId }) => aggregateId))
  expect(positions).toHaveLength(100)
  await store.forget(positions)
  await store.forgetRefused()
  await store.settle(due)
  const after = await scans()
  expect(after.indexed).toBeGreaterThan(before.indexed)
  expect(after.sequential).toBe(before.sequential)
})
