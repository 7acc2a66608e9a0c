import { once } from 'node:events'
import { connect } from 'node:net'
import { operations } from '@gatepost/contracts/operations'
import { createRandom } from '@gatepost/testing/random'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway, USER_ID } from './support/gateway.ts'

const SEED = 20_261_124
const REQUESTS = 20_000
const PER_CONNECTION_MS = 5_000

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway()
  gateway.upstream.handler = (request, response) => {
    const list = { items: [], nextCursor: null }
    const user = { id: USER_ID, displayName: 'Ada', createdAt: '2026-01-01T00:00:00Z' }
    const body = request.url!.startsWith('/api/posts') ? list : { ...list, ...user }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }
})
afterAll(async () => {
  await gateway.stop()
})

const { below, pick } = createRandom(SEED)
const maybe = (percent: number) => below(100) < percent

const PIECES = [
  '..',
  '.',
  '%2e',
  '%2f',
  '%5c',
  '%00',
  '\\',
  ';',
  '//',
  '%',
  '%zz',
  '%c3%28',
  'é',
  ' ',
  '\t',
  '#',
  '?',
  '&',
  '=',
  '[]',
  '__proto__',
  'constructor',
  '01900000-0000-7000-8000-000000000001',
  '\u0000',
  'a'.repeat(300)
]
/** Without the endless one, and the one whose answer may well be 503. */
const TARGETS = operations.filter(({ id }) => id !== 'streamEvents' && id !== 'getReady').map(({ url }) => url)
const VALUES = [
  '',
  'x',
  '0',
  '-1',
  '1e309',
  '"',
  '"\u0001"',
  'Bearer',
  'Bearer x.y.z',
  'gzip',
  'chunked',
  'a'.repeat(9000),
  '\u00ff',
  'application/json',
  'text/plain',
  'null',
  ',',
  'websocket',
  '100-continue'
]
const NAMES = [
  'authorization',
  'content-type',
  'content-length',
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'connection',
  'host',
  'origin',
  'x-request-id',
  'traceparent',
  'x-forwarded-for',
  'if-match',
  'if-none-match',
  'idempotency-key',
  'te',
  'range',
  'cookie',
  'accept',
  'proxy-authorization',
  '__proto__',
  ':path'
]
const JSONS = [
  '',
  '{',
  '{}',
  '[]',
  'null',
  '"x"',
  '0',
  '{"a":1,"a":2}',
  '{"__proto__":{}}',
  '{"title":"\\ud800","content":"x"}',
  '{"email":{"$ne":1},"password":"12345678"}',
  '['.repeat(5000),
  '{"title":"a","content":"b"}',
  '\u0000',
  '{"token":"x"}',
  '{"refreshToken":' + '9'.repeat(400) + '}'
]

function target () {
  let path = pick(TARGETS).replace(/:\w+/g, () => pick(PIECES))
  while (maybe(40)) {
    const at = below(path.length + 1)
    path = path.slice(0, at) + pick(PIECES) + path.slice(at)
  }
  return maybe(5) ? `http://x${path}` : path
}

function request () {
  const method = pick([
    'GET',
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'FOO',
    'get',
    ''
  ])
  const headers = [`host: ${maybe(95) ? 'gateway' : pick(VALUES)}`]
  if (maybe(60)) headers.push(`authorization: ${gateway.authorization}`)
  const body = pick(JSONS)
  if (maybe(70)) {
    headers.push(
      'content-type: application/json',
      `content-length: ${maybe(95) ? Buffer.byteLength(body, 'latin1') : below(50)}`
    )
  }
  while (maybe(50)) headers.push(`${pick(NAMES)}${pick([':', ': ', ' :', ''])}${pick(VALUES)}`)
  const end = pick(['\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r'])
  const text = `${method} ${target()} ${pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2', 'HTP'])}${end}${
    headers.join(end)
  }${end}connection: close${end}${end}${body}`
  return maybe(2) ? text.slice(0, below(text.length)) : text
}

/** Sends one request, closes its half like a client that has said all, and answers what came back. */
async function exchange (bytes: string) {
  const socket = connect(gateway.port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer += chunk
  }).on('error', () => {})
  socket.write(bytes, 'latin1')
  const half = setTimeout(() => socket.end(), 300)
  const hang = setTimeout(() => socket.destroy(new Error('hangs')), PER_CONNECTION_MS)
  await once(socket, 'close').catch(() => undefined)
  clearTimeout(half)
  clearTimeout(hang)
  return answer
}

test(
  `${REQUESTS} malformed requests (seed ${SEED}) yield no 5xx, no crash, no hang`,
  { timeout: 280_000 },
  async () => {
    let sent = 0
    const statuses = new Map<string, number>()
    const bad: string[] = []
    async function worker () {
      while (sent++ < REQUESTS) {
        const bytes = request()
        const began = performance.now()
        const answer = await exchange(bytes)
        const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 'none'
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status.startsWith('5') || performance.now() - began >= PER_CONNECTION_MS) {
          bad
            .push(JSON.stringify([status, bytes.slice(0, 400), answer.slice(-300)]))
        }
        if (status.startsWith('4') && !bytes.startsWith('HEAD') && !/application\/problem\+json/i.test(answer)) {
          bad
            .push(JSON.stringify(['no problem', bytes.slice(0, 400), answer.slice(0, 600)]))
        }
      }
    }
    await Promise.all(Array.from({ length: 32 }, worker))
    expect(bad.slice(0, 5)).toEqual([])
    expect([...statuses.keys()].sort()).toEqual(expect.arrayContaining(['200', '400', '401', '404', '405', '415']))
    expect(gateway.log.filter((line) => line.includes('"level":50') || line.includes('"level":"error"'))).toEqual([])
    expect((await gateway.call('/api/posts')).status).toBe(200)
  }
)
