import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Answer, CHUNKED, CLOSE, JSON_TYPE, startGateway, type TestGateway } from './support/gateway.ts'

const LIMIT = 4096
let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway({ BODY_LIMIT: String(LIMIT) }) })
beforeEach(() => { gateway.upstream.received.length = 0 })
afterAll(async () => { await gateway.stop() })

const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}, path = '/api/posts') =>
  gateway.call(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
async function codeOf (answer: Answer) {
  return [answer.status, (await answer.json()).code]
}

test('a body over the limit is 413 before any service hears of it', async () => {
  expect(await codeOf(await post(JSON.stringify({ title: 'a', content: 'x'.repeat(LIMIT) })))).toEqual([
    413,
    'BODY_TOO_LARGE'
  ])
  expect(gateway.upstream.received).toEqual([])
})

test('the limit holds for chunked bodies, and is not waited for', async () => {
  const socket = connect(gateway.port, '127.0.0.1')
  socket.on('error', () => {}) // the gateway may close while we still write
  socket.write(gateway.head('POST /api/posts', JSON_TYPE, CHUNKED))
  for (let i = 0; i < 5; i++) socket.write(`400\r\n${'x'.repeat(1024)}\r\n`)
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 413/)
  expect(gateway.upstream.received).toEqual([])
})

test.each([
  ['text/plain', 'x'],
  ['application/octet-stream', 'x'],
  ['application/x-www-form-urlencoded', 'a=b'],
  ['application/json; charset=latin1', '{}'],
  ['application/jsonp', '{}'],
  ['', '{}'],
  ['multipart/form-data; boundary=x', 'x']
])('a body of type %j is 415', async (type, body) => {
  const named = type === '' ? [] : [`content-type: ${type}`]
  const answer = await gateway.raw(
    gateway.head('POST /api/posts', ...named, `content-length: ${body.length}`, CLOSE) + body
  )
  expect(answer).toMatch(/^HTTP\/1\.1 415/)
  expect(gateway.upstream.received).toEqual([])
})

test('a content coding is 415', async () => {
  expect(await codeOf(await post('{"title":"a","content":"b"}', { 'content-encoding': 'gzip' }))).toEqual([
    415,
    'UNSUPPORTED_MEDIA_TYPE'
  ])
})

test.each([
  ['a member twice', '{"title":"a","title":"b","content":"c"}'],
  ['a member twice, once escaped', '{"title":"a","\\u0074itle":"b","content":"c"}'],
  ['a prototype', '{"title":"a","content":"b","__proto__":{"x":1}}'],
  ['a lone surrogate', '{"title":"\\ud800","content":"b"}'],
  ['a control character', '{"title":"a\\u0000","content":"b"}'],
  ['a number for a text', '{"title":1,"content":"b"}'],
  ['a list for a text', '{"title":["a"],"content":"b"}'],
  ['no object', '[]'],
  ['nothing', ''],
  ['half of it', '{"title":'],
  ['a byte order mark', '\ufeff{"title":"a","content":"b"}']
])('%s is 400', async (_name, body) => {
  expect((await post(body)).status).toBe(400)
  expect(gateway.upstream.received).toEqual([])
})

test('a refusal of a form names its media type, and the member that an empty form lacks', async () => {
  const path = '/api/auth/introspect'
  const wrong = await gateway.call(path, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' })
  expect([wrong.status, (await wrong.json()).detail]).toEqual([415, expect.stringMatching(/x-www-form-urlencoded/)])
  const empty = await gateway.call(path, { method: 'POST' })
  expect([empty.status, (await empty.json()).errors]).toEqual([400, [{ path: '/body/token', message: 'is required' }]])
})

test('invalid UTF-8 is 400', async () => {
  expect((await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).status).toBe(400)
})

test('what JSON.parse would change arrives as it was sent', async () => {
  const body = '{ "content":"1e400 \\u002f", "title" :"12345678901234567890" }'
  expect((await post(body)).status).toBe(200)
  expect(gateway.upstream.received.at(-1)!.body.toString()).toBe(body)
})

test('a chunked body reaches its service whole', async () => {
  const parts = ['{"title":"a",', '"content":"b"}']
  const answer = await gateway
    .raw(`${gateway.head('POST /api/posts', JSON_TYPE, CHUNKED, CLOSE)}${
      parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')
    }0\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 200/)
  expect(gateway.upstream.received.at(-1)).toMatchObject({ headers: { 'content-length': '27' } })
  expect(gateway.upstream.received.at(-1)!.body.toString()).toBe(parts.join(''))
})

test('content-length beside transfer-encoding is 400, so that two readers cannot find two requests', async () => {
  const doublyFramed = gateway.head('POST /api/posts', JSON_TYPE, 'content-length: 4', CHUNKED)
  const answer = await gateway.raw(`${doublyFramed}0\r\n\r\nGET /live HTTP/1.1\r\nhost: gateway\r\n\r\n`)
  expect(answer).toMatch(/^HTTP\/1\.1 400/)
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1)
})

test('an operation without a body refuses one', async () => {
  const answer = await gateway.call('/api/auth/sessions/01900000-0000-7000-8000-000000000001', {
    method: 'DELETE',
    body: '{}',
    headers: { 'content-type': 'application/json' }
  })
  expect([answer.status, (await answer.json()).errors]).toEqual([400, [{
    path: '/body',
    message: 'is not known here'
  }]])
})

test('a GET’s body is not forwarded', async () => {
  const answer = await gateway.raw(`${gateway.head('GET /api/posts', JSON_TYPE, 'content-length: 2', CLOSE)}{}`)
  expect(answer).toMatch(/^HTTP\/1\.1 200/)
  expect(gateway.upstream.received.at(-1)!.body.length).toBe(0)
})

test.each([['limit=1&limit=2', '/query/limit'], ['limit=x', '/query/limit'], ['limit=0', '/query/limit'], [
  'foo=1',
  '/query/foo'
], ['__proto__=1', '/query/__proto__']])('the query %s is 400 with its path', async (query, path) => {
  const answer = await gateway.call(`/api/posts?${query}`)
  expect([answer.status, (await answer.json()).errors[0].path]).toEqual([400, path])
})

const chunked = (method: string, path: string, pieces: string[]) =>
  gateway.raw(gateway.head(`${method} ${path}`, JSON_TYPE, CHUNKED) +
      pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join(''))

test('a body in thousands of tiny chunks is refused before it is whole; small ones are fine', async () => {
  const body = JSON.stringify({ title: 'a', content: 'x'.repeat(1_500) })
  expect(await chunked('POST', '/api/posts', [...body, ...' '.repeat(LIMIT)]))
    .toMatch(/^HTTP\/1\.1 400[^]*too many small pieces/)
  const end = '0\r\n\r\nGET /live HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n'
  const whole = (pieces: string[]) =>
    gateway
      .raw(`${gateway.head('POST /api/posts', JSON_TYPE, CHUNKED)}${
        pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
      }${end}`)
  expect(await whole([...body])).toMatch(/^HTTP\/1\.1 200/)
  expect(await whole(JSON.stringify({ title: 'a', content: 'x'.repeat(3_500) }).match(/.{1,16}/g)!))
    .toMatch(/^HTTP\/1\.1 200/)
})

test.each(['/live', '/api/posts', '/nothing'])(
  'a GET of %s whose body has no end is answered and ended, not read on',
  async (path) => {
    const answer = await chunked('GET', path, ['x'])
    expect(answer).toMatch(/^HTTP\/1\.1 (200|404)/)
    expect(answer).toMatch(/\r\nconnection: close\r\n/i)
  }
)
