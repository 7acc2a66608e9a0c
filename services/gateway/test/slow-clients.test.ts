import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { JSON_TYPE, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway() })
afterAll(async () => { await gateway.stop() })

/** Sends the beginning, then a byte a second, as a client does that wants to hold connections. */
async function drip (beginning: string) {
  const socket = connect(gateway.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(beginning)
  const timer = setInterval(() => socket.write('a'), 1000)
  const began = performance.now()
  const answer = await text(socket)
  clearInterval(timer)
  return { answer, seconds: (performance.now() - began) / 1000 }
}

test.concurrent(
  'headers that do not end within 10 s are 408, and the connection is closed',
  { timeout: 20_000 },
  async () => {
    const { answer, seconds } = await drip('GET /live HTTP/1.1\r\nhost: gateway\r\nx-slow: ')
    expect(answer).toMatch(/^HTTP\/1\.1 408/)
    expect(answer).toContain('"code":"REQUEST_TIMEOUT"')
    expect(seconds).toBeLessThan(14)
  }
)

test.concurrent(
  'a request that does not end within 30 s is 408, and the connection is closed',
  { timeout: 50_000 },
  async () => {
    const { answer, seconds } =
      await drip(`${gateway.head('POST /api/posts', JSON_TYPE, 'content-length: 1000')}{"title":"`)
    expect(answer).toMatch(/^HTTP\/1\.1 408/)
    expect(seconds).toBeLessThan(36)
  }
)

test.concurrent('an event stream stays open for longer than any request may take', { timeout: 50_000 }, async () => {
  const leave = new AbortController()
  const answer = await gateway.call('/api/events', { signal: leave.signal })
  let ended = false
  void answer.body!.pipeTo(new WritableStream()).then(() => { ended = true }, () => { ended = true })
  await sleep(32_000)
  expect([answer.status, ended]).toEqual([200, false])
  leave.abort()
})

test.concurrent('an answer of a service that its client does not read is given up as one whose client left', {
  timeout: 100_000
}, async () => {
  gateway.upstream.handler = (_request, response) => {
    response.setHeader('content-type', 'application/json').end('x'.repeat(50_000_000))
  }
  const socket = connect(gateway.port, '127.0.0.1').on('error', () => {}).pause()
  socket.write(gateway.head('GET /api/feed'))
  const line = () => gateway.log.map((text) => JSON.parse(text)).find(({ route }) => route === '/api/feed')
  await eventually(() => expect(line()).toBeDefined(), { withinMs: 85_000 })
  socket.destroy()
  const { status, ms } = line()
  expect(status).toBe(499)
  expect(ms, 'and not at the deadline of the service').toBeGreaterThan(25_000)
  expect(ms).toBeLessThan(85_000)
  expect(await gateway.registry.metrics())
    .toMatch(/gatepost_upstream_failures_total\{upstream="feed",cause="timeout"[^}]*\} 0\n/)
})

test.concurrent('a client that takes longer to read than the service may take to answer gets all of it', {
  timeout: 50_000
}, async () => {
  gateway.upstream.handler = (_request, response) => {
    response.setHeader('content-type', 'application/json').end('x'.repeat(50_000_000))
  }
  const answer = await gateway.call('/api/posts')
  let size = 0
  for await (const chunk of answer.body!) {
    size += chunk.length
    if (size < 48_000_000) await sleep(chunk.length / 4_000) // 4 MB/s
  }
  expect(size).toBe(50_000_000)
})

test.concurrent('headers beyond 16 KiB are 431', async () => {
  expect(await gateway.raw(`GET /live HTTP/1.1\r\nhost: gateway\r\nx-large: ${'a'.repeat(20_000)}\r\n\r\n`))
    .toMatch(/^HTTP\/1\.1 431/)
})
