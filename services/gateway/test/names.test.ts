import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { eventually } from '@gatepost/testing/eventually'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { collect } from '../src/upstreams/collect.ts'
import { createUpstream, type Upstream, type UpstreamOptions } from '../src/upstreams/upstream.ts'
import { selfSigned } from './support/certificate.ts'
import { startGateway } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

/** Names are looked up every five seconds. */
const WITHIN = { withinMs: 20_000 }

/** What the name `posts.test` leads to. */
let addresses: string[]
let one: TestUpstream
let two: TestUpstream
let log: string[]
let upstream: Upstream | undefined
beforeEach(async () => {
  log = []
  one = await startUpstream()
  two = await startUpstream({ host: '127.0.0.2', port: one.port })
})
afterEach(async () => {
  await upstream?.close()
  await Promise.all([one.stop(), two.stop()])
})

async function resolve (hostname: string) {
  if (hostname !== 'posts.test' || addresses.length === 0) {
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' })
  }
  return addresses
}

function start (options: Partial<UpstreamOptions> = {}) {
  upstream = createUpstream({
    name: 'posts',
    urls: [`http://posts.test:${one.port}`],
    log: pino({}, {
      write: (line: string) => {
        log.push(line)
      }
    }),
    resolve,
    ...options
  })
  return upstream
}

const call = (path = '/') => collect(upstream!, { method: 'POST', path, headers: [], timeoutMs: 20_000 }).answer
const callTimes = async (count: number) => {
  for (let i = 0; i < count; i++) expect(await call()).toMatchObject({ status: 200 })
}
const found = () => upstream!.instances.map(({ origin }) => origin)

test('every address of a name is an instance, and is called by the name', async () => {
  addresses = ['127.0.0.2', '127.0.0.1']
  start()
  await eventually(() => expect(found()).toEqual([one.url, two.url]))
  await callTimes(20)
  expect([one.received.length, two.received.length]).toEqual([10, 10])
  expect(two.received[0]!.headers.host).toBe(`posts.test:${one.port}`)
})

test('an address that is gone gets no more calls, and those that it has end well; a new one gets calls', async () => {
  addresses = ['127.0.0.1']
  start()
  await eventually(() => expect(found()).toEqual([one.url]))
  let respond = () => {}
  one.handler = (_request, response) => { respond = () => { response.end('late') } }
  const underWay = call()
  await eventually(() => expect(one.received).toHaveLength(1))
  addresses = ['127.0.0.2']
  await eventually(() => expect(found()).toEqual([two.url]), WITHIN)
  await callTimes(5)
  respond()
  expect(await underWay).toMatchObject({ status: 200, body: Buffer.from('late') })
  expect([one.received.length, two.received.length]).toEqual([1, 5])
  await eventually(() => expect(one.sockets.size, 'its connections are closed').toBe(0))
})

test('a name that cannot be resolved keeps its last known addresses, and is told of', async () => {
  addresses = ['127.0.0.1']
  start()
  await eventually(() => expect(upstream!.asked).toBe(true))
  addresses = []
  await eventually(() => expect(upstream!.resolved).toBe(false), WITHIN)
  await callTimes(3)
  expect(log.map((line) => JSON.parse(line).msg)).toEqual([
    'a name of posts cannot be resolved: its last known addresses stay'
  ])
  addresses = ['127.0.0.1', '127.0.0.2']
  await eventually(() => expect([upstream!.resolved, found()]).toEqual([true, [one.url, two.url]]))
})

test('of two families one counts: IPv4, and the other one once nobody is there', async () => {
  addresses = ['::1', '127.0.0.1']
  await two.stop()
  start()
  await eventually(() => expect(found()).toEqual([one.url]))
  await one.stop()
  await eventually(() => expect(found()).toEqual([`http://[::1]:${one.port}`]), WITHIN)
})

test('TLS asks for the name', async () => {
  addresses = ['127.0.0.1']
  const asked: unknown[] = []
  const server = createServer({
    ...selfSigned,
    SNICallback: (name, done) => {
      asked.push(name)
      done(null)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy())
  start({ urls: [`https://posts.test:${(server.address() as AddressInfo).port}`] })
  await eventually(() => expect(asked).toContain('posts.test'))
  server.close()
})

test('connections have an age: later calls get new ones, and no call is lost for it', async () => {
  addresses = ['127.0.0.1']
  start({ connectionAgeMs: 100 })
  await eventually(() => expect(upstream!.asked).toBe(true))
  let opened = 0
  one.server.on('connection', () => { opened++ })
  await eventually(async () => {
    await callTimes(10)
    expect(opened).toBeGreaterThan(4)
  })
  await eventually(() => expect(one.sockets.size, 'the old ones are closed').toBeLessThanOrEqual(2))
})

test('a gateway resolves names as its machine does', async () => {
  const gateway = await startGateway({ POSTS_URL: `http://localhost:${one.port}` })
  await eventually(async () => expect((await gateway.call('/api/posts')).status).toBe(200))
  expect((await (await gateway.fetch('/ready')).json()).checks.posts).toEqual({ status: 'up' })
  await gateway.stop()
})
