import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { CLOSE, POST_ID, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway({ CORS_ORIGINS: 'https://app.example' }) })
beforeEach(() => { gateway.upstream.received.length = 0 })
afterAll(async () => { await gateway.stop() })

const seen = () => gateway.upstream.received.at(-1)!.headers
function get (headers: string[], path = '/api/posts') {
  return gateway.raw(gateway.head(`GET ${path}`, ...headers, CLOSE))
}

test('only headers on the list reach a service', async () => {
  await get([
    'x-user-id: root',
    'x_user_id: root',
    'X-User-Role: admin',
    'x-forwarded-user: root',
    'proxy-authorization: Basic eA==',
    'proxy-connection: keep-alive',
    'te: trailers',
    'trailer: x',
    'cookie: a=b',
    'x-real-ip: 1.1.1.1',
    'x-forwarded-for: 1.1.1.1',
    'x-forwarded-host: evil',
    'forwarded: for=1.1.1.1',
    'x-http-method-override: DELETE',
    'x-original-url: /admin',
    'accept: application/json',
    'user-agent: test',
    'range: bytes=0-1',
    'if-none-match: "1"'
  ])
  expect(Object.keys(seen()).sort()).toEqual([
    'accept',
    'authorization',
    'connection',
    'forwarded',
    'host',
    'traceparent',
    'user-agent',
    'via',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-request-id',
    'x-request-timeout-ms'
  ])
  expect(seen()).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'gateway',
    forwarded: 'for=127.0.0.1;host="gateway";proto=http',
    via: '1.1 gatepost'
  })
})

test('a header that Connection names cannot take ours away', async () => {
  const connection = 'connection: close, x-request-id, x-forwarded-for, authorization, traceparent'
  await gateway.raw(gateway.head('GET /api/posts', connection))
  expect(seen()).toMatchObject({
    'x-forwarded-for': '127.0.0.1',
    authorization: gateway.authorization,
    'x-request-id': expect.any(String),
    traceparent: expect.any(String)
  })
})

test('a trace is continued, with a new span', async () => {
  await get(['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'])
  expect(seen().traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/)
})

test('headers that an operation knows reach its service, checked', async () => {
  await gateway.call(`/api/posts/${POST_ID}`, { headers: { 'if-none-match': '"3"' } })
  expect(seen()['if-none-match']).toBe('"3"')
  const bad = await gateway.call(`/api/posts/${POST_ID}`, { method: 'DELETE', headers: { 'if-match': 'nonsense' } })
  expect([bad.status, await bad.json()]).toMatchObject([400, { errors: [{ path: '/headers/if-match' }] }])
})

test('of a service’s headers only those on the list reach the client, and the gateway’s own win', async () => {
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      etag: '"7"',
      server: 'secret/1',
      'x-powered-by': 'magic',
      'set-cookie': 'a=b',
      'content-security-policy': 'default-src *',
      'strict-transport-security': 'max-age=0',
      'access-control-allow-origin': '*',
      ratelimit: 'unlimited',
      'x-request-id': 'not-mine',
      connection: 'x-secret',
      'x-secret': '1',
      'keep-alive': 'timeout=1',
      'x-frame-options': 'ALLOW',
      location: 'http://10.0.0.1/x',
      vary: '*'
    }).end('{}')
  }
  const answer = await get(['origin: https://app.example'])
  expect(answer).toMatch(/^HTTP\/1\.1 200/)
  expect(answer).toMatch(/etag: "7"/)
  expect(answer).toMatch(/access-control-allow-origin: https:\/\/app\.example/i)
  expect(answer).toMatch(/content-security-policy: default-src 'none'/i)
  expect(answer).toMatch(/x-frame-options: DENY/i)
  for (const name of ['server', 'x-powered-by', 'set-cookie', 'x-secret', 'location']) {
    expect(answer).not.toMatch(new RegExp(`^${name}:`, 'im'))
  }
  for (const value of ['not-mine', 'unlimited', 'max-age=0', 'timeout=1', '10.0.0.1']) {
    expect(answer).not.toContain(value)
  }
})

test('a service’s Vary is joined to the gateway’s, and headers that the operation declares pass', async () => {
  const answerWith = (headers: Record<string, string>) => {
    gateway.upstream.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end('{}')
    }
  }
  answerWith({ vary: 'accept-language, ORIGIN', 'x-after-applied': 'true', 'x-other': '1' })
  const answer = await gateway.call('/api/feed', { headers: { origin: 'https://app.example' } })
  expect(['vary', 'x-after-applied', 'x-other'].map((name) => answer.headers.get(name))).toEqual([
    'Origin, accept-language',
    'true',
    null
  ])
  expect(answer.headers.get('access-control-expose-headers')).toMatch(/x-after-applied/i)
  answerWith({ vary: '*' })
  expect((await gateway.call('/api/feed')).headers.get('vary')).toBe('*')
})

test('an error of a service that is no problem+json is a 502 of ours', async () => {
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>stack trace at 10.0.0.1</h1>')
  }
  const answer = await gateway.call('/api/posts')
  expect([answer.status, (await answer.json()).code]).toEqual([502, 'UPSTREAM_BROKEN'])
})

test('a problem of a service passes as it is', async () => {
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{"code":"POSTS_POST_NOT_FOUND"}')
  }
  const answer = await gateway.call('/api/posts')
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
    404,
    'application/problem+json',
    '{"code":"POSTS_POST_NOT_FOUND"}'
  ])
})

test('a 503 of a service passes with its Retry-After, and the service is not asked again', async () => {
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '7' })
      .end('{"code":"OVERLOADED"}')
  }
  const answer = await gateway.call('/api/posts')
  expect([answer.status, answer.headers.get('retry-after'), await answer.text()]).toEqual([
    503,
    '7',
    '{"code":"OVERLOADED"}'
  ])
  expect(gateway.upstream.received).toHaveLength(1)
})

test('preflights of a listed origin are allowed for what the path has, of another not', async () => {
  const preflight = (origin: string, path = '/api/posts') =>
    gateway.fetch(path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' }
    })
  const good = await preflight('https://app.example')
  expect(good.status).toBe(204)
  expect(good.headers.get('access-control-allow-origin')).toBe('https://app.example')
  expect(good.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS, POST')
  expect(good.headers.get('access-control-allow-headers')).toContain('authorization')
  expect(good.headers.get('access-control-allow-credentials')).toBeNull()
  for (const origin of ['https://evil.example', 'https://app.example.evil', 'http://app.example', 'null']) {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('answers to pages of a listed origin say so, also refusals; all vary by it', async () => {
  const good = await gateway.fetch('/api/posts', { headers: { origin: 'https://app.example' } })
  expect([good.status, good.headers.get('access-control-allow-origin'), good.headers.get('vary')]).toEqual([
    401,
    'https://app.example',
    'Origin'
  ])
  const bad = await gateway.fetch('/api/posts', { headers: { origin: 'https://evil.example' } })
  expect([bad.headers.get('access-control-allow-origin'), bad.headers.get('vary')]).toEqual([null, 'Origin'])
})

test('a valid tracestate goes to the service with the trace that it belongs to', async () => {
  const traceparent = 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await get([traceparent, 'tracestate: rojo=1', 'tracestate: congo=2'])
  expect(seen()).toMatchObject({
    tracestate: 'rojo=1,congo=2',
    traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c')
  })
  for (const headers of [[traceparent, 'tracestate: Rojo'], ['tracestate: rojo=1']]) {
    await get(headers)
    expect(seen().tracestate).toBeUndefined()
  }
})
