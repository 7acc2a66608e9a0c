import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

const PATIENCE = { timeout: 10_000 }
const OURS = "FROM pg_stat_activity WHERE application_name = 'gatepost-posts' AND datname = current_database()"

let posts: PostsUnderTest
beforeAll(async () => { posts = await startPosts({ env: { POSTS_DATABASE_POOL: '2' } }) })
afterAll(() => posts.stop())

async function whileLocked (mode: string, work: () => Promise<void>) {
  const blocker = new pg.Client({ connectionString: posts.database.ownerUrl })
  await blocker.connect()
  try {
    await blocker.query('BEGIN')
    await blocker.query(`LOCK TABLE posts IN ${mode} MODE`)
    await work()
  } finally {
    await blocker.end()
  }
}

test('no free connection and a slow statement are 503 with Retry-After, and the pool never grows', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const url = `/api/posts/${post.id}`
  await whileLocked('ACCESS EXCLUSIVE', async () => {
    const answers = Promise.all([
      ...Array.from({ length: 3 }, () => posts.call('GET', url)),
      ...Array.from({ length: 3 }, () => posts.call('GET', '/api/posts')),
      ...Array.from(
        { length: 3 },
        () => posts.call('POST', '/api/posts', { as: { userId }, body: { title: 'a', content: 'b' } })
      ),
      ...Array.from({ length: 3 }, () => posts.call('PATCH', url, { as: { userId }, body: { title: 'c' } })),
      ...Array.from({ length: 3 }, () => posts.call('DELETE', url, { as: { userId } }))
    ])
    const shown = async () =>
      Object
        .fromEntries([...(await posts.metrics()).matchAll(/^gatepost_database_pool_(\w+){pool="requests"} (\d+)$/gm)]
          .map(([, name, value]) => [name, Number(value)]))
    await expect.poll(shown, { ...PATIENCE, interval: 20 }).toEqual({
      size: 2,
      in_use: 2,
      waiting: expect.toSatisfy((calls) => calls > 0)
    })
    await expect.poll(
      async () =>
        (await posts.sql
          .query(`SELECT count(*)::int AS n ${OURS}`))
          .rows[0].n,
      PATIENCE
    ).toBe(2)
    for (const answer of await answers) {
      expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
      expect(answer.body).not.toMatch(/prisma|connect|statement|postgres/i)
    }
  })
  expect((await posts.call('PATCH', url, { as: { userId }, body: { title: 'c' } })).statusCode).toBe(200)
})

test('a connection that the server cuts is 503 for the one who was using it, and for nobody later', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const admin = new pg.Client({ connectionString: posts.database.adminUrl })
  await admin.connect()
  try {
    await whileLocked('ACCESS EXCLUSIVE', async () => {
      const read = posts.call('GET', `/api/posts/${post.id}`)
      const change = posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { title: 'c' } })
      await expect.poll(
        async () =>
          (await admin
            .query(`SELECT ${OURS} AND wait_event_type = 'Lock'`))
            .rowCount,
        PATIENCE
      ).toBe(2)
      await admin
        .query(`SELECT pg_terminate_backend(pid) ${OURS}`)
      for (const answer of [await read, await change]) {
        expect([answer.statusCode, answer.json().code]).toEqual([503, 'OVERLOADED'])
      }
    })
  } finally {
    await admin.end()
  }
  expect((await posts.call('GET', `/api/posts/${post.id}`)).json()).toEqual(post)
})

test('without PostgreSQL it is not ready, and answers 503', async () => {
  const lost = await startPosts({ env: { POSTS_DATABASE_URL: 'postgresql://posts:secret@127.0.0.1:1/posts' } })
  try {
    await expect.poll(async () => (await lost.app.inject({ url: '/ready' })).json().checks.keys.status, PATIENCE)
      .toBe('up')
    const ready = await lost.app.inject({ url: '/ready' })
    expect([ready.statusCode, ready.json().checks.postgres.status]).toEqual([503, 'down'])
    const answer = await lost.call('GET', '/api/posts')
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
    expect(answer.body).not.toMatch(/127\.0\.0\.1|secret/)
  } finally {
    await lost.stop()
  }
})
