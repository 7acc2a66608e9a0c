import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import { postDeleted } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { createDatabase } from '@gatepost/testing/database'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createErasureStore } from '../src/erasure/erasure-store.ts'
import { appendEvent, appendEvents } from '../src/outbox.ts'
import { createRelay } from '../src/relay.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { type ErasureStage, MARK, setErasureStage } from './support/erasure-stage.ts'
import { appendDeletion, eventually } from './support/stage.ts'

let stage: ErasureStage
beforeEach(async () => { stage = await setErasureStage() })
afterEach(() => stage.close())

test('the text of a deleted post is in no file of the broker and no row; its end and other posts stay', async () => {
  stage.startRelay()
  const post = await stage.writePost()
  const other = await stage.writePost('Bob Staying')
  expect([await stage.onDisk(), await stage.inRows()]).toEqual([true, true])
  await appendDeletion(stage.sql, post, 4)
  await stage.gone()
  await stage.erased()
  expect([await stage.versionsOf(post), await stage.versionsOf(other)]).toEqual([[4], [1, 2, 3]])
  expect(await stage.onDisk('Bob Staying')).toBe(true)
})

test('once a user has left, the name is gone', async () => {
  const database = stage.defer(await createDatabase('auth'), (created) => created.drop())
  const auth = stage.defer(new pg.Pool({ connectionString: database.url, max: 3 }), (opened) => opened.end())
  stage.defer(
    createRelay({ databaseUrl: database.url, service: 'auth', broker: stage.broker('auth'), log: stage.log }),
    (each) => each.stop()
  ).start()
  const userId = uuidv7()
  await appendEvent(sqlOfPool(auth), userRegistered, {
    data: { userId, displayName: MARK, registeredAt: new Date().toISOString() },
    aggregateVersion: 1
  })
  await appendEvent(sqlOfPool(auth), userUpdated, {
    data: { userId, displayName: `${MARK} the Second` },
    aggregateVersion: 2
  })
  await eventually(() => stage.unpublished(auth), (count) => count === 0)
  await eventually(stage.onDisk)
  await appendEvent(sqlOfPool(auth), userDeleted, { data: { userId }, aggregateVersion: 3 })
  await stage.gone(auth)
  await eventually(async () => (await auth.query('SELECT subject FROM outbox')).rows, (rows) => rows.length === 1)
  expect((await stage.stream()).map((message) => message.subject)).toEqual([userDeleted.subject])
})

test('posts that are deleted together are erased each', async () => {
  stage.startRelay()
  const posts = [await stage.writePost(), await stage.writePost(), await stage.writePost()]
  await appendEvents(
    stage.sql,
    postDeleted,
    posts.map((postId) => ({ data: { postId, authorId: uuidv7() }, aggregateVersion: 4 }))
  )
  await stage.gone()
  expect((await stage.stream()).map((message) => message.subject)).toEqual(posts.map(() => postDeleted.subject))
})

test('a post is erased that the outbox has long forgotten', async () => {
  stage.startRelay()
  const post = await stage.writePost()
  await stage.pool.query("UPDATE outbox SET published_at = now() - interval '8 days'")
  expect(await createOutboxStore(stage.pool).prune(7, 100)).toBe(3)
  expect(await stage.inRows()).toBe(false)
  await appendDeletion(stage.sql, post, 4)
  await stage.gone()
  expect((await stage.pool.query('SELECT FROM event_positions')).rowCount).toBe(0)
})

test('no statement of the eraser reads the outbox as a whole', async () => {
  const single = stage.defer(new pg.Pool({ connectionString: stage.database.url, max: 1 }), (opened) => opened.end())
  const scans = async () => {
    await single.query('SELECT pg_stat_force_next_flush()')
    const { rows } = await single.query(`SELECT seq_scan::int AS sequential, idx_scan::int AS indexed
      FROM pg_stat_user_tables WHERE relname = 'outbox'`)
    return rows[0]
  }
  await single.query(`INSERT INTO outbox
      (event_id, aggregate_id, aggregate_version, subject, payload, stream_sequence, published_at)
    SELECT gen_random_uuid(), ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 1,
      'events.posts.post-created.v1', 'x', i, now() FROM generate_series(1, 20000) i`)
  await single.query(`INSERT INTO erasures (aggregate_id, version)
    SELECT aggregate_id, 2 FROM outbox WHERE stream_sequence % 10 = 0`)
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
