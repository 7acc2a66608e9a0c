import { eventually } from '@gatepost/testing/eventually'
import { revokeSession, startPublisher } from '@gatepost/testing/publisher'
import { becomesReady } from '@gatepost/testing/readiness'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let posts: PostsUnderTest
beforeAll(async () => { posts = await startPosts({ broker: true }) })
afterAll(() => posts?.stop())

const ready = () => posts.app.inject({ url: '/ready' })

test('with everything there it is ready', () => becomesReady('posts', posts.app))

test('a revoked session is refused within a second', { retry: 2 }, async () => {
  const [userId, sessionId] = [anybody(), anybody()]
  const auth = await startPublisher(posts.nats.urlOf('auth'), 'auth')
  try {
    expect((await posts.call('GET', '/api/posts', { as: { userId, sessionId } })).statusCode).toBe(200)
    await revokeSession(auth, { userId, sessionId })
    await eventually(async () => {
      expect((await posts.call('GET', '/api/posts', { as: { userId, sessionId } })).statusCode).toBe(401)
    }, { withinMs: 1_000 })
    expect((await posts.call('GET', '/api/posts', { as: { userId } })).statusCode).toBe(200)
  } finally {
    await auth.close()
  }
})

test('without NATS it goes on, says so, and publishes once NATS is back', async () => {
  await posts.nats.halt()
  await eventually(async () => {
    expect((await ready()).json().checks.nats.status).toBe('degraded')
  })
  expect((await ready()).statusCode).toBe(200)
  const post = await posts.write(anybody())
  await posts.nats.start()
  await eventually(async () => {
    const { rows } = await posts.sql.query('SELECT stream_sequence FROM outbox WHERE aggregate_id = $1', [post.id])
    expect(rows[0].stream_sequence).not.toBeNull()
  })
})

test('it starts without NATS and without auth, live but not ready', async () => {
  const alone = await startPosts({ env: { AUTH_URL: 'http://127.0.0.1:1', NATS_URL: 'nats://127.0.0.1:1' } })
  try {
    expect((await alone.app.inject({ url: '/live' })).statusCode).toBe(200)
    const answer = await alone.app.inject({ url: '/ready' })
    expect([answer.statusCode, answer.json().checks.keys.status]).toEqual([503, 'down'])
    const refused = await alone.call('GET', '/api/posts')
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1'])
  } finally {
    await alone.stop()
  }
})

test('started without NATS, it is ready and judges no good token until it has read who logged out', async () => {
  await posts.nats.halt()
  await posts.restart({ waits: false })
  await eventually(async () => {
    expect((await ready()).json().checks.keys.status).toBe('up')
  })
  const answer = await posts.call('GET', '/api/posts')
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
  expect((await posts.call('GET', '/api/posts', { headers: { authorization: 'Bearer junk' } })).statusCode).toBe(401)
  const { statusCode, body } = await ready()
  expect([statusCode, JSON.parse(body).checks.revocations.status]).toEqual([200, 'degraded'])
  await posts.nats.start()
  await eventually(async () => {
    expect((await posts.call('GET', '/api/posts')).statusCode).toBe(200)
  })
})

test.each([['5', 401, 'they are refused here', 1], ['7200', 200, 'they are good here', 0]])(
  'where auth’s tokens live 600 s, a process with ACCESS_TOKEN_TTL=%s answers %i and says so',
  async (ttl, status, consequence, overlong) => {
    const other = await startPosts({ env: { ACCESS_TOKEN_TTL: ttl } })
    try {
      await eventually(async () => {
        expect((await other.call('GET', '/api/posts')).statusCode).toBe(status)
      })
      const answer = await other.app.inject({ url: '/ready' })
      expect([answer.statusCode, answer.json().checks['token-lifetime']]).toEqual([200, {
        status: 'degraded',
        detail: expect.stringContaining(consequence)
      }])
      const metrics = await other.metrics()
      expect(metrics).toMatch(`\ngatepost_access_token_ttl_seconds ${ttl}\n`)
      expect(Number(/\ngatepost_tokens_overlong_total (\d+)/.exec(metrics)![1])).toBeGreaterThanOrEqual(overlong)
    } finally {
      await other.stop()
    }
  }
)
