import { postCreated } from '@gatepost/contracts/posts/events'
import { outboxRow } from '@gatepost/events/outbox'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { eventually } from '@gatepost/testing/eventually'
import { revokeSession } from '@gatepost/testing/publisher'
import { becomesReady } from '@gatepost/testing/readiness'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FeedUnderTest, post, startFeed, user } from './support/feed-server.ts'

let feed: FeedUnderTest
beforeAll(async () => { feed = await startFeed() })
afterAll(() => feed?.stop())

const ready = () => feed.app.inject({ url: '/ready' })

test('with everything there it is ready', () => becomesReady('feed', feed.app))

test('a revoked session is refused within a second', { retry: 2 }, async () => {
  const [userId, sessionId] = [uuidv7(), uuidv7()]
  const read = () =>
    feed.app.inject({
      url: '/api/feed',
      headers: { authorization: `Bearer ${feed.issuer.token({ userId, sessionId })}` }
    })
  expect((await read()).statusCode).toBe(200)
  await revokeSession(feed.auth, { userId, sessionId })
  await eventually(async () => {
    expect((await read()).statusCode).toBe(401)
  }, { withinMs: 1_000 })
})

test('while NATS is away it is ready, says so and serves what it knows; afterwards it goes on', async () => {
  const author = user(feed.auth)
  await author.register()
  const before = post(feed.posts, author.userId)
  await before.create()
  await eventually(async () => { expect(await feed.items()).toHaveLength(1) })
  await feed.broker.halt()
  await eventually(async () => { expect((await ready()).json().checks.nats.status).toBe('degraded') })
  expect((await ready()).statusCode).toBe(200)
  expect(await feed.items()).toHaveLength(1)
  await feed.broker.start()
  const data = {
    postId: uuidv7(),
    authorId: author.userId,
    title: 'after',
    content: 'the outage',
    createdAt: new Date().toISOString()
  }
  const after = outboxRow(postCreated, { data, aggregateVersion: 1 })
  await eventually(() => feed.posts.publishRow(after))
  await eventually(async () => { expect(await feed.items()).toHaveLength(2) })
})

test('started without NATS, it is ready and judges no good token until it has read who logged out', async () => {
  await feed.broker.halt()
  await feed.restart({ waits: false })
  await eventually(async () => { expect((await ready()).json().checks.keys.status).toBe('up') })
  const answer = await feed.get()
  expect([answer.statusCode, answer.headers['retry-after'], (await ready()).statusCode]).toEqual([503, '1', 200])
  await feed.broker.start()
  await eventually(async () => { expect((await feed.get()).statusCode).toBe(200) })
})

test('without PostgreSQL it is not ready, and answers 503', async () => {
  const lost = await startFeed({ env: { FEED_DATABASE_URL: 'postgresql://feed:secret@127.0.0.1:1/feed' } })
  try {
    await eventually(async () => {
      expect((await lost.app.inject({ url: '/ready' })).json().checks).toMatchObject({
        keys: { status: 'up' },
        revocations: { status: 'up' }
      })
    })
    const answer = await lost.app.inject({ url: '/ready' })
    expect([answer.statusCode, answer.json().checks.postgres.status]).toEqual([503, 'down'])
    const refused = await lost.get()
    expect([refused.statusCode, refused.json().code, refused.headers['retry-after']]).toEqual([503, 'OVERLOADED', '1'])
  } finally {
    await lost.stop()
  }
})
