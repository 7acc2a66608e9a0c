import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

const PATIENCE = { timeout: 10_000 }
let posts: PostsUnderTest
beforeAll(async () => { posts = await startPosts() })
afterAll(() => posts.stop())

const body = { title: 'Once', content: 'and only once' }
function write (userId: string, key: string, payload: unknown = body) {
  return posts.call('POST', '/api/posts', { as: { userId }, body: payload, headers: { 'idempotency-key': key } })
}
async function countPosts (userId: string) {
  const { rows } = await posts.sql.query(
    `SELECT count(*)::int AS posts, (
      SELECT count(*)::int FROM outbox WHERE aggregate_id IN (SELECT id FROM posts WHERE author_id = $1)
    ) AS events FROM posts WHERE author_id = $1`,
    [userId]
  )
  return rows[0]
}

test('the first answer comes again, marked, also of a changed or deleted post, and after a restart', async () => {
  const userId = anybody()
  const first = await write(userId, 'key-1')
  expect(first.headers).not.toHaveProperty('idempotency-replayed')
  const url = first.headers.location as string
  const expectReplay = async (payload: unknown = body) => {
    const again = await write(userId, 'key-1', payload)
    expect([again.statusCode, again.body]).toEqual([201, first.body])
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true', location: url, etag: '"1"' })
  }
  await expectReplay()
  await expectReplay('{"content":"and only once",  "title":"\\u004fnce"}')
  await posts.call('PATCH', url, { as: { userId }, body: { title: 'Twice' } })
  await expectReplay()
  expect(await countPosts(userId)).toEqual({ posts: 1, events: 2 })
  await posts.call('DELETE', url, { as: { userId } })
  await expectReplay()
  await posts.restart()
  await expectReplay()
  expect(await countPosts(userId)).toEqual({ posts: 0, events: 0 })
})

test('ten parallel calls with one key make one post and one event', async () => {
  const userId = anybody()
  const answers = await Promise.all(Array.from({ length: 10 }, () => write(userId, 'parallel')))
  const made = answers.filter(({ statusCode }) => statusCode === 201)
  expect(made.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1)
  expect(new Set(made.map((answer) => answer.body)).size).toBe(1)
  for (const answer of answers.filter(({ statusCode }) => statusCode !== 201)) {
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'POSTS_REQUEST_IN_FLIGHT'])
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  }
  expect(await countPosts(userId)).toEqual({ posts: 1, events: 1 })
})

test('parallel calls at two processes make one post and one event', async () => {
  const other = await startPosts({ env: { POSTS_DATABASE_URL: posts.database.url, AUTH_URL: posts.issuer.url } })
  try {
    for (let round = 0; round < 20; round++) {
      const userId = anybody()
      const request = {
        method: 'POST' as const,
        url: '/api/posts',
        payload: body,
        headers: { authorization: `Bearer ${posts.issuer.token({ userId })}`, 'idempotency-key': 'both' }
      }
      const answers = await Promise.all([posts.app, other.app, posts.app, other.app].map((app) => app.inject(request)))
      expect(answers.filter(({ statusCode, headers }) => statusCode === 201 && !headers['idempotency-replayed']))
        .toHaveLength(1)
      expect(answers.filter(({ statusCode }) => statusCode !== 201 && statusCode !== 409)).toEqual([])
      expect(await countPosts(userId)).toEqual({ posts: 1, events: 1 })
    }
  } finally {
    await other.stop()
  }
})

test('a key that another process is working on is 409 with Retry-After, and free when that one fails', async () => {
  const userId = anybody()
  const elsewhere = new pg.Client({ connectionString: posts.database.ownerUrl })
  await elsewhere.connect()
  try {
    await elsewhere.query('BEGIN')
    await elsewhere.query('SELECT pg_advisory_xact_lock(hashtextextended($1 || $2, 0))', [userId, 'busy'])
    const answer = await write(userId, 'busy')
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'POSTS_REQUEST_IN_FLIGHT'])
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect((await write(anybody(), 'busy')).statusCode).toBe(201)
    await elsewhere.query('ROLLBACK')
  } finally {
    await elsewhere.end()
  }
  expect((await write(userId, 'busy')).statusCode).toBe(201)
})

test('another call while the first waits for the database is 409 at once', async () => {
  const userId = anybody()
  const blocker = new pg.Client({ connectionString: posts.database.ownerUrl })
  await blocker.connect()
  await blocker.query('BEGIN')
  await blocker.query('LOCK TABLE outbox IN EXCLUSIVE MODE')
  const first = write(userId, 'slow')
  const second = await write(userId, 'slow')
  expect(second.statusCode).toBe(409)
  await blocker.query('COMMIT')
  await blocker.end()
  expect((await first).statusCode).toBe(201)
  expect((await write(userId, 'slow')).headers['idempotency-replayed']).toBe('true')
})

test('the same key with another body is 422 and makes nothing', async () => {
  const userId = anybody()
  await write(userId, 'key')
  for (const other of [{ ...body, title: 'once' }, { title: body.content, content: body.title }]) {
    const answer = await write(userId, 'key', other)
    expect([answer.statusCode, answer.json().code]).toEqual([422, 'POSTS_IDEMPOTENCY_KEY_REUSED'])
  }
  expect(await countPosts(userId)).toEqual({ posts: 1, events: 1 })
})

test('a key belongs to its user', async () => {
  const [one, other] = [await write(anybody(), 'shared'), await write(anybody(), 'shared')]
  expect(other.headers).not.toHaveProperty('idempotency-replayed')
  expect(other.json().id).not.toBe(one.json().id)
})

test('a request that is refused leaves its key free', async () => {
  const userId = anybody()
  expect((await write(userId, 'again', { title: '' })).statusCode).toBe(400)
  expect((await write(userId, 'again')).statusCode).toBe(201)
})

test('a failure of the statement leaves neither key nor post nor event', async () => {
  const userId = anybody()
  await posts.sql.query("ALTER TABLE outbox ADD CONSTRAINT refused CHECK (payload NOT LIKE '%unstorable%')")
  try {
    expect((await write(userId, 'fails', { title: 'unstorable', content: 'a' })).statusCode).toBe(500)
  } finally {
    await posts.sql.query('ALTER TABLE outbox DROP CONSTRAINT refused')
  }
  expect((await posts.sql.query('SELECT FROM idempotency_keys WHERE user_id = $1', [userId])).rowCount).toBe(0)
  expect(await countPosts(userId)).toEqual({ posts: 0, events: 0 })
  expect((await write(userId, 'fails', { title: 'unstorable', content: 'a' })).statusCode).toBe(201)
})

test.each(['', ' ', 'a b', 'ä', 'x'.repeat(256), 'a\tb'])('%j is no key: 400', async (key) => {
  const answer = await write(anybody(), key)
  expect([answer.statusCode, answer.json().errors[0].path]).toEqual([400, '/headers/idempotency-key'])
})

test('any 255 visible characters are a key', async () => {
  const userId = anybody()
  const key = `'"\\;--$1${'~'.repeat(247)}`
  expect((await write(userId, key)).statusCode).toBe(201)
  expect((await write(userId, key)).headers['idempotency-replayed']).toBe('true')
})

test('after 24 hours a key is new again, whether or not it was pruned, and it is pruned', async () => {
  const userId = anybody()
  const first = await write(userId, 'old')
  await write(userId, 'older')
  await posts.sql.query(
    "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE user_id = $1",
    [userId]
  )
  const again = await write(userId, 'old', { title: 'Other', content: 'now' })
  expect(again.statusCode).toBe(201)
  expect(again.json().id).not.toBe(first.json().id)
  await posts.restart() // pruning begins with the process
  await expect.poll(
    async () => (await posts.sql.query('SELECT key FROM idempotency_keys WHERE user_id = $1', [userId])).rows,
    PATIENCE
  ).toEqual([{ key: 'old' }])
  expect((await write(userId, 'old', { title: 'Other', content: 'now' })).json().id).toBe(again.json().id)
})
