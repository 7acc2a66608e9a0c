import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { createPost, listPosts } from '@gatepost/contracts/posts/operations'
import { logout } from '@gatepost/contracts/auth/session-operations'
import { requestLog } from '../src/request-log.ts'
import { routeOf } from '../src/route.ts'
import { createServer, type App } from '../src/server.ts'

const open: App[] = []
afterEach(async () => { await Promise.all(open.splice(0).map((app) => app.close())) })

function build (log = pino({ level: 'silent' })) {
  const app = createServer({ log, bodyLimit: 1000 })
  open.push(app)
  app.route({
    ...routeOf(createPost),
    handler: async (request, reply) =>
      reply.code(201)
        .send({ id: '', authorId: '', version: 1, createdAt: '', updatedAt: '', ...request.body, secret: 1 } as never)
  })
  app.route({
    ...routeOf(listPosts),
    handler: async (request) => ({ items: [], nextCursor: JSON.stringify(request.query) })
  })
  app.route({ ...routeOf(logout), handler: async (request, reply) => reply.code(204).send(request.body as never) })
  app.get('/boom', () => { throw new Error('SELECT secret FROM users') })
  return app
}

const post = (payload: string | Buffer, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  build().inject({ method: 'POST', url: '/api/posts', payload, headers })

test('a good body passes, and the answer holds only what the contract names', async () => {
  const answer = await post('{"title":"Grüße 👋","content":"a\\nb"}')
  expect(answer.statusCode).toBe(201)
  expect(answer.json()).toMatchObject({ title: 'Grüße 👋', content: 'a\nb' })
  expect(answer.json()).not.toHaveProperty('secret')
})

test.each([
  ['a missing member', '{"title":"a"}', '/body/content'],
  ['an unknown member', '{"title":"a","content":"b","role":"admin"}', '/body/role'],
  ['a wrong type, which is not coerced', '{"title":1,"content":"b"}', '/body/title'],
  ['an array in place of a text', '{"title":["a"],"content":"b"}', '/body/title'],
  ['a control character', '{"title":"a\\u0000","content":"b"}', '/body/title'],
  ['a C1 control character', '{"title":"a\\u0085","content":"b"}', '/body/title'],
  ['a newline in a title', '{"title":"a\\nb","content":"b"}', '/body/title'],
  ['a lone surrogate', '{"title":"a\\ud800","content":"b"}', '/body/title'],
  ['a duplicate key', '{"title":"a","content":"b","title":"c"}', '/body/title'],
  ['a duplicate key in disguise', '{"title":"a","content":"b","\\u0074itle":"c"}', '/body/title'],
  ['too many code points', JSON.stringify({ title: '👋'.repeat(201), content: 'b' }), '/body/title'],
  ['__proto__', '{"title":"a","content":"b","__proto__":{}}', '/body'],
  ['no JSON at all', '{"title":', '/body'],
  ['no body', '', '/body'],
  ['null', 'null', '/body']
])('%s is 400 with its path', async (_name, payload, path) => {
  const answer = await post(payload)
  expect(answer.statusCode).toBe(400)
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(answer.json().errors.map((error: { path: string }) => error.path)).toContain(path)
  expect(answer.json().type).toBe(`/problems/${answer.json().code}`)
})

test('200 emojis are a title of 200 code points', async () => {
  expect((await post(JSON.stringify({ title: '👋'.repeat(200), content: 'b' }))).statusCode).toBe(201)
})

test('invalid UTF-8 is 400', async () => {
  expect((await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).statusCode).toBe(400)
})

test.each([
  ['text/plain', {}],
  ['application/json; charset=latin1', {}],
  ['application/jsonx', {}],
  ['application/json', { 'content-encoding': 'gzip' }]
])('media type %s %o is 415', async (type, headers) => {
  expect((await post('{"title":"a","content":"b"}', { 'content-type': type, ...headers })).statusCode).toBe(415)
})

test('utf-8 may be named', async () => {
  expect((await post('{"title":"a","content":"b"}', { 'content-type': 'application/json; charset=UTF-8' })).statusCode)
    .toBe(201)
})

test('a body over the limit is 413', async () => {
  expect((await post(JSON.stringify({ title: 'a', content: 'b'.repeat(1000) }))).statusCode).toBe(413)
})

test.each([
  ['limit=5', 200],
  ['limit=05', 400],
  ['limit=0', 400],
  ['limit=101', 400],
  ['limit=1&limit=2', 400],
  ['limit=', 400],
  ['limit=1e1', 400],
  ['q=%ff', 400],
  ['x=1', 400],
  ['__proto__=1', 400],
  ['q=%00', 400],
  ['q=a%20b', 200]
])('query %s is %i', async (query, status) => {
  const answer = await build().inject(`/api/posts?${query}`)
  expect(answer.statusCode).toBe(status)
})

test('an optional body may be absent, and is strict when there', async () => {
  const app = build()
  expect((await app.inject({ method: 'POST', url: '/api/auth/logout' })).statusCode).toBe(204)
  expect((await app.inject({ method: 'POST', url: '/api/auth/logout', payload: { refreshToken: 'abc' } })).statusCode)
    .toBe(204)
  expect((await app.inject({ method: 'POST', url: '/api/auth/logout', payload: { token: 'abc' } })).statusCode)
    .toBe(400)
})

test('a known path with another method is 405 with Allow, an unknown one 404', async () => {
  const app = build()
  const wrong = await app.inject({ method: 'DELETE', url: '/api/posts?x=1' })
  expect([wrong.statusCode, wrong.headers.allow, wrong.json().code]).toEqual([
    405,
    'GET, HEAD, POST',
    'METHOD_NOT_ALLOWED'
  ])
  expect((await app.inject('/nothing')).json().code).toBe('ROUTE_NOT_FOUND')
})

test('an unexpected error is 500 without its text', async () => {
  const answer = await build().inject('/boom')
  expect(answer.statusCode).toBe(500)
  expect(answer.body).not.toContain('SELECT')
})

test('a harmless request id of the client is kept, any other replaced', async () => {
  const app = build()
  const ask = async (id: string) =>
    (await app.inject({ url: '/x', headers: { 'x-request-id': id } })).headers['x-request-id']
  expect(await ask('abcdefgh-1')).toBe('abcdefgh-1')
  expect(await ask('a b c d e f g h')).not.toBe('a b c d e f g h')
})

test('the lines of a request name its id, once', async () => {
  const lines: string[] = []
  const app = build(pino({}, { write: (line: string) => { lines.push(line) } }))
  await app.register(requestLog)
  await app.inject({ url: '/boom', headers: { 'x-request-id': 'request-1' } })
  await vi.waitFor(() => {
    expect(lines).toHaveLength(2)
  })
  expect(lines.map((line) => line.match(/"requestId":"[^"]*"/g))).toEqual([['"requestId":"request-1"'], [
    '"requestId":"request-1"'
  ]])
})
