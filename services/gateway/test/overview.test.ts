import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RequestListener } from 'node:http'
import { startGateway, type TestGateway, USER_ID } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

let gateway: TestGateway
let posts: TestUpstream
beforeAll(async () => {
  posts = await startUpstream()
  gateway = await startGateway({ POSTS_URL: posts.url })
})
afterAll(async () => {
  await gateway.stop()
  await posts.stop()
})

const user = { id: USER_ID, displayName: 'Ada', createdAt: '2026-01-01T00:00:00Z' }
const page = { items: [], nextCursor: null }
const answers = (status: number, body: unknown, type = 'application/json'): RequestListener => (_request, response) => {
  response.writeHead(status, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body))
}
const silent: RequestListener = () => {}
const broken: RequestListener = (request) => { request.socket.destroy() }
const overview = async () => {
  const answer = await gateway.call(`/api/users/${USER_ID}/overview`)
  return { status: answer.status, body: await answer.json() }
}

beforeEach(() => {
  gateway.upstream.received.length = posts.received.length = 0
  gateway.upstream.handler = answers(200, user)
  posts.handler = answers(200, page)
})

test('both parts come from their services, asked at once with the caller’s token', async () => {
  expect(await overview()).toEqual({ status: 200, body: { user, posts: page, incomplete: [] } })
  expect(gateway.upstream.received[0]).toMatchObject({
    url: `/api/auth/users/${USER_ID}`,
    headers: { authorization: gateway.authorization }
  })
  expect(posts.received[0]).toMatchObject({
    url: `/api/posts?authorId=${USER_ID}`,
    headers: {
      authorization: gateway.authorization,
      'x-request-id': expect.any(String),
      traceparent: expect.any(String)
    }
  })
})

test.each<[string, RequestListener]>([
  ['fails', answers(500, { code: 'INTERNAL' }, 'application/problem+json')],
  ['breaks off', broken],
  ['answers nonsense', answers(200, '<html>')],
  ['answers something else', answers(200, { items: 'x' })],
  ['refuses', answers(401, {}, 'application/problem+json')],
  ['sends no end of it', answers(200, `[${'0,'.repeat(4_000_000)}0]`)]
])('when posts %s, the rest is there and it is named', async (_what, handler) => {
  posts.handler = handler
  expect(await overview()).toEqual({ status: 200, body: { user, posts: null, incomplete: ['posts'] } })
})

test('a part that is late is left out in time', async () => {
  gateway.upstream.handler = silent
  const began = performance.now()
  expect(await overview()).toEqual({ status: 200, body: { user: null, posts: page, incomplete: ['user'] } })
  expect(performance.now() - began).toBeLessThan(5_000)
})

test('no such user is 404, whatever posts says', async () => {
  gateway.upstream.handler = answers(404, { code: 'AUTH_USER_NOT_FOUND' }, 'application/problem+json')
  posts.handler = broken
  expect(await overview()).toMatchObject({ status: 404, body: { code: 'AUTH_USER_NOT_FOUND' } })
})

test('no such user is 404 at once, and posts is not asked any longer', async () => {
  gateway.upstream.handler = answers(404, { code: 'AUTH_USER_NOT_FOUND' }, 'application/problem+json')
  const cancelled = Promise.withResolvers<void>()
  posts.handler = (_request, response) => { response.once('close', () => cancelled.resolve()) }
  const began = performance.now()
  expect((await overview()).status).toBe(404)
  await cancelled.promise
  expect(performance.now() - began).toBeLessThan(1_500)
})

test('a token that neither service takes is 401, as it is on every other route', async () => {
  gateway.upstream.handler = posts.handler = answers(401, { code: 'TOKEN_INVALID' }, 'application/problem+json')
  const answer = await gateway.call(`/api/users/${USER_ID}/overview`)
  expect([answer.status, answer.headers.get('www-authenticate'), (await answer.json()).code]).toEqual([
    401,
    'Bearer realm="gatepost", error="invalid_token"',
    'TOKEN_INVALID'
  ])
})

test('nothing at all is 503 with Retry-After', async () => {
  gateway.upstream.handler = broken
  posts.handler = answers(500, {}, 'application/problem+json')
  expect(await overview()).toMatchObject({ status: 503, body: { code: 'UPSTREAM_UNAVAILABLE' } })
})

test('a wrong id is 400, and no service is asked', async () => {
  expect((await gateway.call('/api/users/nobody/overview')).status).toBe(400)
  expect(gateway.upstream.received).toEqual([])
})
