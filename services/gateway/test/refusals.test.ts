import { once } from 'node:events'
import { connect } from 'node:net'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CHUNKED, CLOSE, JSON_TYPE, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway() })
afterAll(async () => { await gateway.stop() })

const POST_AT = (id: string) => `/api/posts/${id}`
const LONG_ID = 'a'.repeat(129)
const head = (target: string, { method = 'GET', lines = 'host: gateway\r\n', isKnown = true } = {}) =>
  `${method} ${target} HTTP/1.1\r\n${lines}${
    isKnown ? `authorization: ${gateway.authorization}\r\n` : ''
  }connection: close\r\n\r\n`
const statusOf = (answer: string) => Number(answer.slice(9, 12))

test.each<[target: string, lines?: string, status?: number]>([
  [POST_AT('%zz')],
  [POST_AT('%ff')],
  [POST_AT(LONG_ID)],
  ['/api/posts/../auth/me'],
  ['//api/posts'],
  ['/api%2fposts'],
  ['/api;x'],
  ['/api/posts?a=#x'],
  ['http://gateway/api/posts'],
  ['http://gateway/api/nothing'],
  [`/api/posts?q=${'a'.repeat(5000)}`, undefined, 414],
  ['/api/posts', ''],
  ['/api/posts', 'host: a\r\nhost: b\r\n'],
  ['/api/posts', 'host: gateway\r\nconnection: upgrade\r\nupgrade: websocket\r\n'],
  ['/api/posts', 'host: gateway\r\nexpect: miracles\r\n', 417],
  ['/api/posts?limit=x'],
  ['/api/nothing', undefined, 404]
])(
  'the protected target %s with the head %j is 401 to strangers before it is anything else, and counted',
  async (target, lines, status = 400) => {
    const stranger = await gateway.raw(head(target, { lines, isKnown: false }))
    expect([statusOf(stranger), /\r\nratelimit: "default";/i.test(stranger), /\r\nwww-authenticate: /i.test(stranger)])
      .toEqual([401, true, true])
    const known = await gateway.raw(head(target, { lines }))
    expect([statusOf(known), /\r\nratelimit: "default";/i.test(known)]).toEqual([status, true])
  }
)

test.each(['/live/../api', '/%zz', '//nothing', '/nothing;x'])(
  'the target %s, which nothing protects, is 400 to anybody',
  async (target) => {
    expect(statusOf(await gateway.raw(head(target, { isKnown: false })))).toBe(400)
  }
)

test('an instance is a URI reference, whatever was sent', async () => {
  const answer = await gateway.raw(`GET ${POST_AT('é"<{|%zz')} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n`)
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).instance).toBe('/api/posts/%C3%A9%22%3C%7B%7C%25zz')
})

test('requests that the parser gives up on count against the limit of their address, which refuses them', async () => {
  const limited = await startGateway({ RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '1 hour' })
  const broken = [
    'NONSENSE\r\n\r\n',
    'GET /api/posts HTTP/1.1\r\nhost gateway\r\n\r\n',
    `GET /api/posts HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`
  ]
  const answers = []
  for (const bytes of broken) answers.push(await limited.raw(bytes))
  expect(answers.map((
    answer
  ) => [statusOf(answer), /\r\nratelimit: ([^\r]+);t=/i.exec(answer)?.[1], /\r\nretry-after: \d+/i.test(answer)]))
    .toEqual([
      [400, '"default";r=1', false],
      [400, '"default";r=0', false],
      [429, '"default";r=0', true]
    ])
  expect((await limited.call('/api/posts')).status).toBe(429)
  const elsewhere = await limited.raw('GET /live HTTP/1.1\r\nhost gateway\r\n\r\n')
  expect([statusOf(elsewhere), /ratelimit/i.test(elsewhere)]).toEqual([400, false])
  await limited.stop()
})

/** Writes all of it at once and answers the statuses of what comes back, in its order. */
async function pipelined (bytes: string) {
  const answer = await gateway.raw(bytes)
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))
}

test('the refusal of pipelined garbage comes after the answer to the request before it, once', async () => {
  const { handler } = gateway.upstream
  gateway.upstream.handler = (request, response) => { setTimeout(handler, 100, request, response) }
  const request = gateway.head('GET /api/posts')
  expect(await pipelined(`${request}${request}GARBAGE\r\n\r\nMORE GARBAGE\r\n\r\n`)).toEqual([200, 200, 400])
  gateway.upstream.handler = handler
})

test('broken framing of a body is the one answer to its request, and what follows is not read', async () => {
  gateway.upstream.received.length = 0
  const broken = gateway.head('POST /api/posts', JSON_TYPE, CHUNKED, 'x-request-id: broken-body')
  expect(await pipelined(`${broken}5\r\n{"tit\r\nzz\r\n${gateway.head('GET /api/posts')}`)).toEqual([400])
  expect(gateway.upstream.received).toEqual([])
  const line = await eventually(() => JSON.parse(gateway.log.find((text) => text.includes('broken-body'))!))
  expect(line).toMatchObject({ method: 'POST', route: '/api/posts', status: 400 })
})

test('nothing that follows an answer with Connection: close on the same connection is a request', async () => {
  gateway.upstream.received.length = 0
  const smuggled = gateway.head('DELETE /api/posts/01900000-0000-7000-8000-000000000001')
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(gateway.head('POST /api/posts', JSON_TYPE, 'content-length: 2000000'))
  const [answer] = await once(socket.setEncoding('latin1'), 'data') as [string]
  expect(statusOf(answer)).toBe(413)
  socket.write(`${' '.repeat(2_000_000)}${smuggled}`)
  await once(socket, 'end')
  socket.destroy()
  expect(gateway.upstream.received).toEqual([])
})

test('probes of HTTP/1.0 without a Host are answered, other requests without one refused', async () => {
  const old = async (target: string, lines = '') =>
    statusOf(await gateway.raw(`GET ${target} HTTP/1.0\r\n${lines}\r\n`))
  expect([
    await old('/live'),
    await old('/live', 'host: a\r\nhost: b\r\n'),
    await old('/docs'),
    await old('/nothing'),
    await old('/api/posts')
  ]).toEqual([200, 400, 400, 400, 401])
  expect([200, 503]).toContain(await old('/ready'))
})

test.each([
  ['DELETE', '/api/posts/01900000-0000-7000-8000-000000000001', 'application/json', 200],
  ['DELETE', '/api/auth/sessions/01900000-0000-7000-8000-000000000001', 'text/plain', 200],
  ['GET', '/api/posts', 'application/json', 200],
  ['POST', '/api/auth/logout', 'application/json', 200],
  ['POST', '/api/posts', 'application/json', 400]
])('%s %s that names a type and has no body is no less good for it', async (method, path, type, status) => {
  gateway.upstream.received.length = 0
  for (const length of [[], ['content-length: 0']]) {
    const lines = [`content-type: ${type}`, ...length, CLOSE]
    expect(statusOf(await gateway.raw(gateway.head(`${method} ${path}`, ...lines)))).toBe(status)
  }
  for (const { headers } of gateway.upstream.received) expect(headers['content-type']).toBeUndefined()
})
