import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createPost } from '@gatepost/contracts/posts/operations'
import { pino } from 'pino'
import { afterEach, expect, test, vi } from 'vitest'
import { routeOf } from '../src/route.ts'
import { createServer, type App } from '../src/server.ts'

const open: App[] = []
afterEach(async () => { await Promise.all(open.splice(0).map((app) => app.close())) })

async function raw (text: string) {
  const app = createServer({ log: pino({ level: 'silent' }) })
  open.push(app)
  app.route({ ...routeOf(createPost), handler: async () => ({}) as never })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as { port: number }).port, '127.0.0.1')
  socket.end(text)
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk) => { answer += chunk })
  await once(socket, 'close')
  return answer
}

test.each([
  ['garbage', 'GARBAGE\r\n\r\n', 400, 'REQUEST_MALFORMED'],
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`,
    431,
    'HEADERS_TOO_LARGE'
  ],
  [
    'an unknown expectation',
    'POST /api/posts HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 2\r\n\r\n{}',
    417,
    'EXPECTATION_FAILED'
  ],
  [
    'a path that cannot be decoded',
    'GET /%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    400,
    'REQUEST_MALFORMED'
  ]
])('%s is a problem too', async (_name, text, status, code) => {
  const answer = await raw(text)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(answer).toContain('application/problem+json')
  expect(answer.toLowerCase()).toContain('x-request-id:')
  expect(answer).toContain(`"code":"${code}"`)
})

test.each([
  ['in one piece', (bytes: Buffer) => bytes],
  ['as a stream', (bytes: Buffer) => Readable.from(Array.from({ length: 20 }, () => bytes.subarray(0, 1_000_000)))]
])('an answer %s that nobody reads is given up; one that is read slowly is not', async (_how, payloadOf) => {
  const app = createServer({ log: pino({ level: 'silent' }), connectionTimeout: 800 })
  open.push(app)
  const given: Array<Promise<unknown>> = []
  const bytes = Buffer.alloc(20_000_000, 'x')
  app.get('/large', (_request, reply) => {
    given.push(once(reply.raw, 'close').then(() => reply.raw.writableFinished))
    return reply.send(payloadOf(bytes))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const unread = connect(port, '127.0.0.1').on('error', () => {}).pause()
  unread.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  const read = connect(port, '127.0.0.1')
  read.write('GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  let size = 0
  for await (const chunk of read) {
    size += chunk.length
    if (size < 12_000_000) await sleep(2)
  }
  expect(size).toBeGreaterThan(20_000_000)
  await vi.waitFor(() => { expect(given).toHaveLength(2) })
  expect((await Promise.all(given)).sort()).toEqual([false, true])
  unread.destroy()
})
