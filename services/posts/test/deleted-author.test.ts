import { userDeleted } from '@gatepost/contracts/auth/events'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import { type EventPublisher, startPublisher } from '@gatepost/testing/publisher'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthorEraser } from '../src/authors/author-eraser.ts'
import { deletedAuthorRepository } from '../src/authors/deleted-author-repository.ts'
import { openDatabase } from '../src/database.ts'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let broker: TestBroker
let auth: EventPublisher
let posts: PostsUnderTest
beforeAll(async () => {
  broker = await startBroker()
  auth = await startPublisher(broker.urlOf('auth'), 'auth')
  posts = await startPosts({ broker })
})
afterAll(async () => {
  await posts?.stop()
  await auth?.close()
  await broker?.stop()
})

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const leave = (userId: string) =>
  auth.publish(userDeleted, { data: { userId }, aggregateVersion: 3, traceparent: `00-${TRACE}-b7ad6b7169203331-01` })
const postsOf = async (userId: string) =>
  (await posts.call('GET', `/api/posts?authorId=${userId}&limit=100`)).json().items
/** Many posts at once, as an earlier life of the system would have left them. */
function fill (userId: string, count: number) {
  return posts.sql.query(
    `INSERT INTO posts (id, author_id, title, content, version, created_at, updated_at)
    SELECT (substr($1::text, 1, 24) || lpad(to_hex(i), 12, '0'))::uuid, $1::uuid, 'old', 'text', 1 + i % 3, now(), now()
    FROM generate_series(1, $2::int) i`,
    [userId, count]
  )
}
async function deletions (userId: string) {
  const { rows } = await posts.sql.query(
    `SELECT aggregate_id, aggregate_version, payload::json ->> 'traceparent' AS traceparent FROM outbox
    WHERE subject = 'events.posts.post-deleted.v1' AND payload LIKE '%' || $1 || '%'`,
    [userId]
  )
  return rows as Array<{ aggregate_id: string, aggregate_version: number, traceparent: string }>
}

test('when an author leaves, each of their posts is deleted with its own event, and nobody else’s', async () => {
  const [userId, other] = [anybody(), anybody()]
  await fill(userId, 250)
  const kept = await posts.write(other)
  await posts.write(userId, {}, { 'idempotency-key': 'left-behind' })
  await leave(userId)
  await eventually(async () => {
    expect(await postsOf(userId)).toEqual([])
  })
  const events = await deletions(userId)
  expect(new Set(events.map(({ aggregate_id: id }) => id)).size).toBe(251)
  expect(events).toHaveLength(251)
  for (const { aggregate_id: id, aggregate_version: version } of events.slice(0, 250)) {
    if (id.startsWith(userId.slice(0, 24))) expect(version).toBe(2 + parseInt(id.slice(-12), 16) % 3)
  }
  for (const { traceparent } of events) expect(traceparent.slice(3, 35)).toBe(TRACE)
  expect(await postsOf(other)).toEqual([kept])
  await eventually(async () => {
    expect((await posts.sql.query('SELECT FROM idempotency_keys WHERE user_id = $1', [userId])).rowCount).toBe(0)
  })
})

test('a token that outlived its user writes nothing any more, with a key or without', async () => {
  const userId = anybody()
  await leave(userId)
  await eventually(async () => {
    expect((await posts.sql.query('SELECT FROM deleted_authors WHERE author_id = $1', [userId])).rowCount).toBe(1)
  })
  for (const headers of [{}, { 'idempotency-key': 'late' }] as Array<Record<string, string>>) {
    const answer = await posts.call('POST', '/api/posts', {
      as: { userId },
      body: { title: 'a', content: 'b' },
      headers
    })
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_INVALID'])
  }
  expect((await posts.sql.query('SELECT FROM idempotency_keys WHERE user_id = $1', [userId])).rowCount).toBe(0)
  expect(await posts.events()).not
    .toContainEqual(expect.objectContaining({ data: expect.objectContaining({ authorId: userId }) }))
})

test('a post that was being written while its author left does not survive', async () => {
  const userId = anybody()
  // The trigger holds the request inside its statement, whose snapshot is older than the mark of the author.
  const blocker = new pg.Client({ connectionString: posts.database.ownerUrl })
  await blocker.connect()
  await blocker.query('BEGIN')
  await posts.sql
    .query(
      'CREATE FUNCTION wait_until_free() RETURNS trigger LANGUAGE plpgsql ' +
      "AS 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END'"
    )
  await posts.sql
    .query(
      `CREATE TRIGGER hold BEFORE INSERT ON posts FOR EACH ROW WHEN (NEW.author_id = '${userId}')
      EXECUTE FUNCTION wait_until_free()`
    )
  await blocker.query('SELECT pg_advisory_xact_lock(4711)')
  const late = posts.call('POST', '/api/posts', { as: { userId }, body: { title: 'late', content: 'b' } })
  await eventually(async () => {
    expect((await posts.sql.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rowCount).toBe(1)
  })
  await leave(userId)
  await eventually(async () => {
    expect((await posts.sql.query('SELECT FROM deleted_authors WHERE author_id = $1', [userId])).rowCount).toBe(1)
  })
  await blocker.query('ROLLBACK')
  await blocker.end()
  const answer = await late
  expect(answer.statusCode).toBe(201)
  await eventually(async () => {
    expect(await postsOf(userId)).toEqual([])
  })
  expect((await posts.events(answer.json().id)).map(({ type }) => type)).toEqual([
    'posts.post-created.v1',
    'posts.post-deleted.v1'
  ])
  await posts.sql.query('DROP TRIGGER hold ON posts')
})

test('an author is watched until no request from before can be running any more, and then no longer', async () => {
  const userId = anybody()
  const database = openDatabase({ url: posts.database.url, poolSize: 2 })
  const erased = async () =>
    (await posts.sql.query('SELECT erased_at IS NOT NULL AS erased FROM deleted_authors WHERE author_id = $1', [
      userId
    ])).rows[0].erased
  try {
    await deletedAuthorRepository.add(database.sql, { authorId: userId })
    await createAuthorEraser({ database, onEvents () {} })()
    expect(await erased()).toBe(false)
    await createAuthorEraser({ database, onEvents () {}, now: () => Date.now() + 31_000 })()
    expect(await erased()).toBe(true)
  } finally {
    await database.close()
  }
})

test('a post that is being changed while its author leaves is deleted under the version after it', async () => {
  const userId = anybody()
  await fill(userId, 1)
  const changing = new pg.Client({ connectionString: posts.database.ownerUrl })
  await changing.connect()
  try {
    await changing.query('BEGIN')
    const { rows: [{ version }] } = await changing.query(
      'UPDATE posts SET version = version + 1 WHERE author_id = $1 RETURNING version',
      [userId]
    )
    await leave(userId)
    const waiting =
      'SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE datname = current_database() AND NOT granted'
    await eventually(async () => {
      expect((await posts.sql.query(waiting)).rowCount).toBeGreaterThan(0)
    })
    await changing.query('COMMIT')
    await eventually(async () => {
      expect((await deletions(userId)).map((event) => event.aggregate_version)).toEqual([version + 1])
    })
  } finally {
    await changing.end()
  }
})

test('several processes that erase at once delete each post once, and a failure half-way loses nothing', async () => {
  const userId = anybody()
  await fill(userId, 350)
  const [one, other] = [
    openDatabase({ url: posts.database.url, poolSize: 2 }),
    openDatabase({ url: posts.database.url, poolSize: 2 })
  ]
  try {
    await deletedAuthorRepository.add(one.sql, { authorId: userId })
    let batches = 0
    const dies = createAuthorEraser({
      database: one,
      onEvents () {
        if (++batches === 2) throw new Error('killed')
      }
    })
    await Promise.allSettled([dies(), createAuthorEraser({ database: other, onEvents () {} })()])
    await createAuthorEraser({ database: other, onEvents () {} })()
    expect(await postsOf(userId)).toEqual([])
    const events = await deletions(userId)
    expect([events.length, new Set(events.map(({ aggregate_id: id }) => id)).size]).toEqual([350, 350])
  } finally {
    await Promise.all([one.close(), other.close()])
  }
})

test('every event of posts reaches the stream, in the order of each post’s versions', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  await posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { title: 'b' } })
  await posts.call('DELETE', `/api/posts/${post.id}`, { as: { userId } })
  await eventually(async () => {
    const { rows } = await posts.sql.query(
      'SELECT stream_sequence::int AS sequence FROM outbox WHERE aggregate_id = $1 ORDER BY aggregate_version',
      [post.id]
    )
    const sequences = rows.map(({ sequence }) => sequence)
    expect(sequences).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)])
    expect([...sequences].sort((a, b) => a - b)).toEqual(sequences)
  })
})
