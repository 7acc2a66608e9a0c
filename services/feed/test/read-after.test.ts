import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FeedUnderTest, post, startFeed, user } from './support/feed-server.ts'

let feed: FeedUnderTest
beforeAll(async () => { feed = await startFeed() })
afterAll(() => feed?.stop())

const LONG = ';wait=2000'

async function author () {
  const registered = user(feed.auth)
  await registered.register()
  return { ...registered, token: feed.issuer.token({ userId: registered.userId }) }
}

function readAfter (header: string, token?: string) {
  return feed.get('?limit=100', { token, headers: { 'x-after': header } })
}

const holds = (body: string, postId: string) => JSON.parse(body).items.some(({ id }: { id: string }) => id === postId)

test('a read that names a write contains it, each time, also right after the registration', async () => {
  for (let round = 0; round < 50; round++) {
    const { userId, token } = await author()
    const written = post(feed.posts, userId)
    await written.create()
    const { statusCode, headers, body } = await readAfter(`${written.postId};v=1${LONG}`, token)
    expect([statusCode, headers['x-after-applied'], holds(body, written.postId)]).toEqual([200, 'true', true])
  }
})

test('a read begun before the event is there is answered as soon as it has been applied', async () => {
  const { userId, token } = await author()
  const written = post(feed.posts, userId)
  const begun = performance.now()
  const reading = readAfter(`${written.postId};v=2${LONG}`, token)
  await written.create()
  await written.change({ title: 'Second', content: 'version' })
  const { headers, body } = await reading
  expect(headers['x-after-applied']).toBe('true')
  expect(JSON.parse(body).items.find(({ id }: { id: string }) => id === written.postId).title).toBe('Second')
  expect(performance.now() - begun).toBeLessThan(2_000)
})

test('a deletion can be waited for, and several aggregates at once', async () => {
  const { userId, token } = await author()
  const [gone, kept] = [post(feed.posts, userId), post(feed.posts, userId)]
  for (const each of [gone, kept]) await each.create()
  await gone.delete()
  const { headers, body } = await readAfter(`${gone.postId};v=2, ${kept.postId};v=1${LONG},${userId} ; v=1`, token)
  expect(headers['x-after-applied']).toBe('true')
  expect([holds(body, gone.postId), holds(body, kept.postId)]).toEqual([false, true])
})

test('an event that never comes is waited for half a second, or as the reader says, and named', async () => {
  const { token } = await author()
  for (const [wait, atLeast] of [['', 500], [';wait=0', 0], [';wait=50', 50]] as const) {
    const begun = performance.now()
    const { statusCode, headers } = await readAfter(`${uuidv7()};v=1${wait}`, token)
    expect([statusCode, headers['x-after-applied']]).toEqual([200, 'false'])
    expect(performance.now() - begun).toBeGreaterThanOrEqual(atLeast - 2)
  }
})

test('readers who wait hold no database connection, and others are answered meanwhile', async () => {
  const { token } = await author()
  const never = uuidv7()
  let waiting = 200
  const readers = Array.from({ length: waiting }, () =>
    readAfter(`${never};v=1;wait=1500`, token).finally(() => {
      waiting--
    }))
  expect((await feed.get()).statusCode).toBe(200)
  expect(waiting).toBe(200)
  expect(new Set((await Promise.all(readers)).map(({ statusCode }) => statusCode))).toEqual(new Set([200]))
})

test('what another replica has applied is seen too', async () => {
  const { userId, token } = await author()
  // Both pull: whichever of them applies an event, the other's readers see it.
  const other = await feed.startReplica()
  try {
    for (let round = 0; round < 20; round++) {
      const written = post(feed.posts, userId)
      await written.create()
      expect((await readAfter(`${written.postId};v=1${LONG}`, token)).headers['x-after-applied']).toBe('true')
    }
  } finally {
    await other.close()
  }
})

test('a malformed position is 400 with its path', async () => {
  const id = uuidv7()
  const eleven = Array.from({ length: 11 }, () => `${id};v=1`).join(',')
  const malformed = [
    '',
    id,
    `${id};v=0`,
    `${id};v=1;wait=2001`,
    `${id};v=-1`,
    `${id};v=1;wait=`,
    'x;v=1',
    `${id};v=1,`,
    eleven
  ]
  for (const header of malformed) {
    const { statusCode, body } = await readAfter(header)
    expect([header, statusCode, JSON.parse(body).errors?.[0].path]).toEqual([header, 400, '/headers/x-after'])
  }
})

test('without the header nothing is waited for and nothing is said', async () => {
  expect((await feed.get()).headers).not.toHaveProperty('x-after-applied')
})
