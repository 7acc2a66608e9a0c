import { once } from 'node:events'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { eventually } from '@gatepost/testing/eventually'
import { type Answer, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway() })
beforeEach(() => { gateway.upstream.received.length = 0 })
afterAll(async () => { await gateway.stop() })

const POST = { method: 'POST', body: '{"title":"a","content":"b"}', headers: { 'content-type': 'application/json' } }
async function problemOf (answer: Answer) {
  const text = await answer.text()
  expect(text).not.toMatch(/127\.0\.0\.1|ECONN|socket|undici/i)
  return [answer.status, JSON.parse(text).code]
}

test('a service that nobody serves is 503 with Retry-After, for reads and for writes', async () => {
  const closed = createTcpServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const { port } = closed.address() as AddressInfo
  closed.close()
  const lonely = await startGateway({ POSTS_URL: `http://127.0.0.1:${port}` })
  for (const init of [{}, POST]) {
    const answer = await lonely.call('/api/posts', init)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await problemOf(answer)).toEqual([503, 'UPSTREAM_UNAVAILABLE'])
  }
  await eventually(async () =>
    expect((await (await lonely.fetch('/ready')).json()).checks.posts).toEqual({
      status: 'degraded',
      detail: '0 of 1 instances are up'
    })
  )
  await lonely.call('/api/posts', { headers: { 'x-request-id': 'after-all' } })
  const line = await eventually(() => JSON.parse(lonely.log.find((line) => line.includes('after-all'))!))
  expect(line, 'its circuit is open: nobody is asked').toMatchObject({ status: 503, attempts: 0 })
  await lonely.stop()
})

test('a service that breaks off a write is 502, and is not asked again', async () => {
  gateway.upstream.handler = (request) => { request.socket.destroy() }
  expect(await problemOf(await gateway.call('/api/posts', POST))).toEqual([502, 'UPSTREAM_BROKEN'])
  expect(gateway.upstream.received).toHaveLength(1)
})

test('a read that was broken off is tried once more', async () => {
  let calls = 0
  gateway.upstream.handler = (request, response) => {
    if (++calls === 1) request.socket.destroy()
    else response.setHeader('content-type', 'application/json').end('{"second":true}')
  }
  expect(await (await gateway.call('/api/posts')).json()).toEqual({ second: true })
})

test('calls, repeats and failures of a service are counted', async () => {
  const counts = async () => {
    const metrics = await gateway.registry.metrics()
    const numberOf = (start: string) =>
      Number(new RegExp(`^gatepost_upstream_${start}[^}]*\\} (\\d+)`, 'm').exec(metrics)?.[1])
    return [
      'calls_total{upstream="posts"',
      'repeats_total{upstream="posts"',
      'failures_total{upstream="posts",cause="broken"',
      'calls_total{upstream="feed"'
    ].map((start) => numberOf(start.replace('{', '\\{')))
  }
  const [calls, repeats, broken, feed] = await counts() as [number, number, number, number]
  gateway.upstream.handler = (request) => { request.socket.destroy() }
  await gateway.call('/api/posts')
  await gateway.call('/api/posts', POST)
  const attempts = gateway.upstream.received.length
  expect(await counts()).toEqual([calls + 2, repeats + attempts - 2, broken + 2, feed])
})

test('retries stay within their budget: at most a tenth on top, and a handful', async () => {
  gateway.upstream.handler = (request) => { request.socket.destroy() }
  const answers = []
  for (let i = 0; i < 60; i++) answers.push((await gateway.call('/api/posts')).status)
  expect(new Set(answers)).toEqual(new Set([502]))
  expect(gateway.upstream.received.length).toBeLessThanOrEqual(60 + 6 + 4)
})

test('every byte that a header comes with is sent on as it is or is a 502', async () => {
  let byte = 0
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).on('data', (request) => {
      const etag = request.includes('/live') ? '"live"' : `"${String.fromCharCode(byte)}"`
      socket.write(
        `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\netag: ${etag}\r\ncontent-length: 2\r\n\r\n{}`,
        'latin1'
      )
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const odd = await startGateway({ FEED_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  const passed: number[] = []
  for (byte of [0, 1, 8, 9, 10, 11, 13, 31, 32, 33, 126, 127, 128, 159, 160, 255]) {
    const answer = await odd.call('/api/feed')
    if (answer.status === 200) {
      expect([byte, answer.headers.get('etag')]).toEqual([byte, `"${String.fromCharCode(byte)}"`])
      passed.push(byte)
    } else expect([byte, ...await problemOf(answer)]).toEqual([byte, 502, 'UPSTREAM_BROKEN'])
  }
  expect(passed).toEqual([9, 32, 33, 126, 128, 159, 160, 255])
  await odd.stop()
  server.close()
})

test('nonsense instead of HTTP is 502', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {}).end('SSH-2.0-nonsense\r\n\r\n')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const odd = await startGateway({ FEED_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  expect((await problemOf(await odd.call('/api/feed')))[0]).toBe(502)
  await odd.stop()
  server.close()
})

test('a service that dies in the middle of an answer resets the connection: half is not taken for whole', async () => {
  gateway.upstream.handler = (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000000' })
    response.write('x'.repeat(50_000))
    setTimeout(() => response.write('x'.repeat(50_000)), 50)
    setTimeout(() => request.socket.destroy(), 150)
  }
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(gateway.head('GET /api/posts'))
  socket.resume()
  const [error] = await once(socket, 'error')
  expect(error.code).toBe('ECONNRESET')
})

test('a client that leaves cancels the call to the service', async () => {
  const closed = Promise.withResolvers<void>()
  const arrived = Promise.withResolvers<void>()
  gateway.upstream.handler = (_request, response) => {
    response.once('close', () => closed.resolve())
    arrived.resolve()
  }
  const socket = connect(gateway.port, '127.0.0.1')
  socket.write(gateway.head('GET /api/feed'))
  await arrived.promise
  socket.destroy()
  const left = performance.now()
  await closed.promise
  expect(performance.now() - left, 'and not at the deadline').toBeLessThan(5_000)
  await eventually(() =>
    expect(gateway.log.some((line) => line.includes('"route":"/api/feed"') && line.includes('"status":499'))).toBe(true)
  )
})

test('a service that does not answer in time is 504', { timeout: 20_000 }, async () => {
  gateway.upstream.handler = () => {}
  const began = performance.now()
  expect(await problemOf(await gateway.call('/api/feed'))).toEqual([504, 'UPSTREAM_TIMEOUT'])
  expect(performance.now() - began).toBeGreaterThan(9_900)
})

test('a large answer to a slow client is held back at the service, not in memory', async () => {
  const total = 200 * 1024 * 1024
  let written = 0
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(total) })
    const chunk = Buffer.alloc(65_536, 'x')
    const more = () => {
      while (written < total && !response.destroyed) {
        written += chunk.length
        if (!response.write(chunk)) return response.once('drain', more)
      }
      response.end()
    }
    more()
  }
  const socket = connect(gateway.port, '127.0.0.1').pause()
  socket.write(gateway.head('GET /api/posts'))
  let before = -1
  await eventually(async () => {
    const now = written
    const still = now === before && now > 0
    before = now
    await new Promise((resolve) => { setTimeout(resolve, 300) })
    expect(still).toBe(true)
  })
  expect(written).toBeLessThan(total / 4)
  socket.destroy()
})
