import { afterAll, beforeAll, expect, test } from 'vitest'
import { anybody, type PostsUnderTest, startPosts } from './support/posts-server.ts'

let posts: PostsUnderTest
beforeAll(async () => { posts = await startPosts() })
afterAll(() => posts.stop())

test('a post comes back as it was sent, with its place, its ETag and one event', async () => {
  const userId = anybody()
  const body = { title: '  Grüße 👋 ', content: '\n a\r\n\tb \u2028\u00a0é e\u0301 ﷽ ' }
  const created = await posts.call('POST', '/api/posts', {
    as: { userId },
    body,
    headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
  })
  expect(created.statusCode).toBe(201)
  const post = created.json()
  expect(post).toEqual({
    id: expect.any(String),
    authorId: userId,
    ...body,
    version: 1,
    createdAt: expect.any(String),
    updatedAt: post.createdAt
  })
  expect(created.headers).toMatchObject({ location: `/api/posts/${post.id}`, etag: '"1"' })
  expect(created.headers).not.toHaveProperty('idempotency-replayed')

  const read = await posts.call('GET', created.headers.location as string)
  expect([read.statusCode, read.headers.etag, read.json()]).toEqual([200, '"1"', post])

  const events = await posts.events(post.id)
  expect(events).toHaveLength(1)
  expect(events[0]).toMatchObject({
    type: 'posts.post-created.v1',
    aggregateversion: 1,
    subject: post.id,
    data: { postId: post.id, authorId: userId, ...body, createdAt: post.createdAt }
  })
  expect(events[0]!.traceparent).toContain('a'.repeat(32))
})

test('a change makes the next version and its event, with what was not named left as it was', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const changed = await posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { title: 'Another' } })
  expect([changed.statusCode, changed.headers.etag]).toEqual([200, '"2"'])
  expect(changed.json()).toEqual({ ...post, title: 'Another', version: 2, updatedAt: expect.any(String) })
  expect(Date.parse(changed.json().updatedAt)).toBeGreaterThanOrEqual(Date.parse(post.createdAt))
  expect((await posts.call('GET', `/api/posts/${post.id}`)).json()).toEqual(changed.json())
  const [, event] = await posts.events(post.id)
  expect(event).toMatchObject({
    type: 'posts.post-updated.v1',
    aggregateversion: 2,
    data: {
      postId: post.id,
      authorId: userId,
      title: 'Another',
      content: post.content,
      updatedAt: changed.json().updatedAt
    }
  })
})

test('a change that changes nothing makes no version and no event', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const answer = await posts.call('PATCH', `/api/posts/${post.id}`, {
    as: { userId },
    body: { title: post.title, content: post.content }
  })
  expect([answer.statusCode, answer.headers.etag, answer.json()]).toEqual([200, '"1"', post])
  expect(await posts.events(post.id)).toHaveLength(1)
})

test('a deleted post is gone, and its event has the version after its last', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const url = `/api/posts/${post.id}`
  await posts.call('PATCH', url, { as: { userId }, body: { content: 'b' } })
  const deleted = await posts.call('DELETE', url, { as: { userId } })
  expect([deleted.statusCode, deleted.body]).toEqual([204, ''])
  for (const method of ['GET', 'DELETE'] as const) {
    const answer = await posts.call(method, url, { as: { userId } })
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'POSTS_POST_NOT_FOUND'])
  }
  expect((await posts.call('PATCH', url, { as: { userId }, body: { title: 'a' } })).statusCode).toBe(404)
  expect((await posts.events(post.id)).map(({ type, aggregateversion }) => [type, aggregateversion])).toEqual([
    ['posts.post-created.v1', 1], ['posts.post-updated.v1', 2], ['posts.post-deleted.v1', 3]
  ])
})

test('only the author changes a post; an administrator may delete it, not change it', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const url = `/api/posts/${post.id}`
  for (const [method, as] of [['PATCH', {}], ['DELETE', {}], ['PATCH', { role: 'admin' }]] as const) {
    const answer = await posts.call(method, url, { as, ...method === 'PATCH' && { body: { title: 'taken over' } } })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'POSTS_NOT_AUTHOR'])
  }
  expect((await posts.call('GET', url)).json()).toEqual(post)
  expect((await posts.call('DELETE', url, { as: { role: 'admin' } })).statusCode).toBe(204)
  expect((await posts.events(post.id)).at(-1)).toMatchObject({
    type: 'posts.post-deleted.v1',
    data: { postId: post.id, authorId: userId }
  })
})

test.each([
  ['no change', '{}', '/body'],
  ['a member that is not known', '{"title":"a","authorId":"b"}', '/body/authorId'],
  ['null', '{"title":null}', '/body/title'],
  ['an empty title', '{"title":""}', '/body/title'],
  ['a control character', '{"content":"a\\u0007"}', '/body/content'],
  ['a lone surrogate', '{"content":"\\udc00"}', '/body/content'],
  ['20001 code points', JSON.stringify({ content: '👋'.repeat(20_001) }), '/body/content']
])('%s in a change is 400 with its path', async (_name, body, path) => {
  const answer = await posts.call('PATCH', `/api/posts/${anybody()}`, { body })
  expect(answer.statusCode).toBe(400)
  expect(answer.json().errors.map((error: { path: string }) => error.path)).toContain(path)
})

test('the largest post there can be is stored and announced', async () => {
  const content = '👋'.repeat(20_000)
  const post = await posts.write(anybody(), { title: '\u{10ffff}'.repeat(200), content })
  expect((await posts.call('GET', `/api/posts/${post.id}`)).json().content).toBe(content)
  expect((await posts.events(post.id))[0]!.data.content).toBe(content)
})

test('a call without a token, or with headers that claim to be somebody, is 401 before anything else', async () => {
  for (const url of ['/api/posts', '/api/posts/nonsense', '/api/posts?limit=0']) {
    const answer = await posts.app.inject({ url, headers: { 'x-user-id': anybody(), 'x-user-role': 'admin' } })
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_REQUIRED'])
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
  }
})

test('parallel changes of one post make versions without a gap, one event each', async () => {
  const userId = anybody()
  const post = await posts.write(userId)
  const answers = await Promise
    .all(Array.from(
      { length: 20 },
      (_, i) => posts.call('PATCH', `/api/posts/${post.id}`, { as: { userId }, body: { title: `title ${i}` } })
    ))
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(20).fill(200))
  expect(answers.map((answer) => answer.json().version).sort((a, b) => a - b))
    .toEqual(Array.from({ length: 20 }, (_, i) => i + 2))
  const events = await posts.events(post.id)
  expect(events.map(({ aggregateversion }) => aggregateversion)).toEqual(Array.from({ length: 21 }, (_, i) => i + 1))
  for (const answer of answers) expect(events[answer.json().version - 1]!.data.title).toBe(answer.json().title)
})
