import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLOSE, JSON_TYPE, POST_ID, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway() })
afterAll(async () => { await gateway.stop() })

function send (target: string, { method = 'GET', headers = [] as string[] } = {}) {
  return gateway.raw(gateway.head(`${method} ${target}`, ...headers, CLOSE))
}
const statusOf = (answer: string) => Number(answer.slice(9, 12))

test.each([
  '/api/posts/../auth/me',
  '/api/posts/..',
  '/api/./posts',
  '/..',
  '//api/posts',
  '/api//posts',
  '/api/posts//',
  '/api\\posts',
  '/api/posts/a\\..\\..\\admin',
  '/api/posts;jsessionid=1',
  '/api/posts/%2e%2e/x',
  '/api/%2E/posts',
  '/api%2fposts',
  '/api/posts/%2F',
  '/api/posts/%5cx',
  '/api/posts/%00',
  '/api/posts/a%00b',
  '/api/p%6fsts',
  '/api/posts/%252e%252e',
  '/api/posts/%3b',
  '/api/posts/%zz',
  '/api/posts/%ff',
  '/api/posts#x',
  '/api/posts?a=#x',
  '/api/posts/"',
  '/api/posts/é',
  'http://gateway/api/posts',
  'https://elsewhere/api/posts',
  'gateway:80',
  '*',
  'api/posts'
])('the target %s is refused before it could mean two things', async (target) => {
  gateway.upstream.received.length = 0
  const answer = await send(target)
  expect(statusOf(answer)).toBe(400)
  expect(answer).toMatch(/content-type: application\/problem\+json/i)
  expect(answer).toMatch(/x-content-type-options: nosniff/i)
  expect(gateway.upstream.received).toEqual([])
})

test('a target that is too long is 414', async () => {
  expect(statusOf(await send(`/api/posts?q=${'a'.repeat(5000)}`))).toBe(414)
})

test.each([
  ['doubled', 'host: gateway\r\nhost: elsewhere\r\n'],
  ['missing', ''],
  ['empty', 'host:\r\n'],
  ['with a path', 'host: gateway/x\r\n'],
  ['with credentials', 'host: a@gateway\r\n']
])('a %s Host is 400', async (_name, lines) => {
  const answer = await gateway.raw(`GET /live HTTP/1.1\r\n${lines}connection: close\r\n\r\n`)
  expect(statusOf(answer)).toBe(400)
})

test('a second Host behind a thousand headers is not overlooked', async () => {
  expect(statusOf(await gateway
    .raw(`GET /live HTTP/1.1\r\nhost: gateway\r\n${
      'a:\r\n'.repeat(1_500)
    }host: elsewhere\r\nconnection: close\r\n\r\n`))).toBe(400)
})

test('a WebSocket upgrade is refused, with a token and without', async () => {
  const upgrade = [
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version: 13'
  ]
  const stranger = ['GET /api/posts HTTP/1.1', 'host: gateway', ...upgrade, '\r\n'].join('\r\n')
  expect(statusOf(await gateway.raw(stranger))).toBe(401)
  expect(statusOf(await gateway.raw(gateway.head('GET /api/posts', ...upgrade)))).toBe(400)
})

test('h2c, Keep-Alive and Expect: 100-continue are no reason not to serve', async () => {
  const upgrade = ['connection: upgrade, http2-settings, close', 'upgrade: h2c', 'http2-settings: AAMAAABk']
  expect(statusOf(await gateway.raw(gateway.head('GET /api/posts', ...upgrade, 'keep-alive: 300')))).toBe(200)
  const body = '{"title":"a","content":"b"}'
  const lines = ['expect: 100-continue', JSON_TYPE, `content-length: ${body.length}`, CLOSE]
  const answer = await gateway.raw(gateway.head('POST /api/posts', ...lines) + body)
  expect(answer).toContain('HTTP/1.1 200')
})

test('another expectation is 417', async () => {
  expect(statusOf(await send('/api/posts', { headers: ['expect: miracles'] }))).toBe(417)
})

test('unknown paths under /api are 401 to strangers and 404 to others; elsewhere 404', async () => {
  expect((await gateway.fetch('/api/nothing')).status).toBe(401)
  expect((await gateway.fetch('/api')).status).toBe(401)
  expect((await gateway.call('/api?x=1')).status).toBe(404)
  expect((await gateway.call('/api/nothing')).status).toBe(404)
  expect((await gateway.fetch('/nothing')).status).toBe(404)
  expect((await gateway.fetch('/metrics')).status).toBe(404)
})

test('a known path with another method is 405 with Allow, and 401 comes before it', async () => {
  const open = await gateway.fetch('/api/auth/login')
  expect([open.status, open.headers.get('allow')]).toEqual([405, 'OPTIONS, POST'])
  expect((await gateway.fetch('/api/posts', { method: 'PUT' })).status).toBe(401)
  const put = await gateway.call(`/api/posts/${POST_ID}`, {
    method: 'PUT',
    body: '<x/>',
    headers: { 'content-type': 'text/xml' }
  })
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'DELETE, GET, HEAD, OPTIONS, PATCH'])
  expect(statusOf(await send('/api/posts', { method: 'TRACE' }))).toBe(405)
  expect(statusOf(await send('/api/posts', { method: 'PROPFIND' }))).toBe(405)
})

test('OPTIONS of a known path says what it allows; of an unknown one nothing', async () => {
  const answer = await gateway.fetch('/api/posts', { method: 'OPTIONS' })
  expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS, POST'])
  expect((await gateway.call('/api/nothing', { method: 'OPTIONS' })).status).toBe(404)
})

test('a logout that shows neither a token nor a body is 401, whatever else is wrong with it', async () => {
  for (const query of ['', '?scope=zz', '?x=1']) {
    expect((await gateway.fetch(`/api/auth/logout${query}`, { method: 'POST' })).status).toBe(401)
  }
})

test('on open operations a bad token is ignored; a logout alone shows it to auth, to be repeatable', async () => {
  gateway.upstream.received.length = 0
  const answer = await gateway.fetch('/api/auth/login', {
    method: 'POST',
    body: '{"email":"a@b.example","password":"12345678"}',
    headers: { 'content-type': 'application/json', authorization: 'Bearer junk' }
  })
  expect(answer.status).toBe(200)
  const logout = await gateway.fetch('/api/auth/logout', { method: 'POST', headers: { authorization: 'Bearer junk' } })
  expect(logout.status).toBe(200)
  expect(gateway.upstream.received.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer junk'])
})

test('two Authorization headers are none', async () => {
  expect(statusOf(await send('/api/posts', { headers: [`authorization: ${gateway.authorization}`] }))).toBe(401)
})

test('an administrator’s operation is 403 to a user', async () => {
  expect((await gateway.call('/api/auth/users')).status).toBe(403)
})

test('a client’s request id is kept when it is harmless, and every answer has one', async () => {
  expect((await gateway.fetch('/live', { headers: { 'x-request-id': 'my-own_id-1' } })).headers.get('x-request-id'))
    .toBe('my-own_id-1')
  expect((await gateway.fetch('/live', { headers: { 'x-request-id': 'bad id' } })).headers.get('x-request-id'))
    .toMatch(/^[A-Za-z0-9_-]{8,64}$/)
  expect(await gateway.raw('nonsense\r\n\r\n')).toMatch(/x-request-id: [A-Za-z0-9_-]{8,64}/)
})
