import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { selfSigned } from './support/certificate.ts'
import { startGateway } from './support/gateway.ts'
import { type Instances, POST, startInstances } from './support/instances.ts'
import { startUpstream } from './support/upstream.ts'

let pair: Instances
beforeEach(async () => { pair = await startInstances() })
afterEach(() => pair.stop())

const statuses = async (
  count: number,
  init: RequestInit = {}
) => [
  ...new Set((await Promise.all(Array.from({ length: count }, () => pair.gateway.call('/api/posts', init)))).map((
    { status }
  ) => status))
]

test('calls are spread over the instances', async () => {
  await statuses(40)
  expect(pair.one.received.length + pair.two.received.length).toBe(40)
  expect(Math.min(pair.one.received.length, pair.two.received.length)).toBeGreaterThanOrEqual(15)
})

test('the busier instance gets less', async () => {
  pair.one.handler = (_request, response) => {
    setTimeout(() => response.setHeader('content-type', 'application/json').end('{}'), 1_000)
  }
  for (let i = 0; i < 5; i++) {
    await Promise.all([
      statuses(1),
      new Promise((resolve) => {
        setTimeout(resolve, 30)
      })
    ].slice(i ? 0 : 1))
  }
  await statuses(20)
  expect(pair.two.received.length).toBeGreaterThan(pair.one.received.length)
})

test('an instance that dies costs no client anything, not even a write, and comes back by itself', async () => {
  await statuses(10)
  await pair.two.stop()
  expect(await statuses(30)).toEqual([200])
  expect(await statuses(30, POST)).toEqual([200])
  const before = pair.one.received.length
  expect(await statuses(10)).toEqual([200])
  expect(pair.one.received.length - before).toBe(10)
  const told = () =>
    pair.gateway.log.map((line) => JSON.parse(line))
      .filter(({ instance, state }) => instance === pair.two.url && state)
      .map(({ level, msg }) => [level, msg])
  await eventually(() => expect(told()).toContainEqual([40, 'an instance of posts is down']), { withinMs: 2_000 })
  pair.two = await startUpstream({ port: pair.two.port })
  await eventually(async () => {
    await statuses(4)
    expect(pair.two.received.length).toBeGreaterThan(0)
  })
  expect(told().at(-1)).toEqual([30, 'an instance of posts is up'])
})

test('some refused connections, as of a dead host behind a balancer, cost no answer and no address', async () => {
  const single = await startUpstream()
  const careful = await startGateway({ POSTS_URL: single.url })
  await eventually(async () => expect((await careful.call('/api/posts')).status).toBe(200))
  const release: Array<() => void> = []
  single.handler = (_request, response) => {
    release.push(() => response.writeHead(201, { 'content-type': 'application/json' }).end('{}'))
  }
  const busy = Array.from({ length: 8 }, () => careful.call('/api/posts', POST))
  await eventually(() => expect(release).toHaveLength(8))
  single.server.close() // refuses new connections, the eight go on
  const refused = Array.from({ length: 2 }, () => careful.call('/api/posts', POST))
  await eventually(async () =>
    expect(await careful.registry.metrics()).not.toMatch(/gatepost_upstream_repeats_total\{upstream="posts"[^}]*\} 0\n/)
  )
  const healthy = await startUpstream({ port: single.port })
  expect((await Promise.all(refused)).map(({ status }) => status)).toEqual([200, 200])
  for (const answer of release) answer()
  expect((await Promise.all(busy)).map(({ status }) => status)).toEqual(Array(8).fill(201))
  expect(careful.log.filter((line) => line.includes('is down'))).toEqual([])
  await careful.stop()
  await Promise.all([single.stop(), healthy.stop()])
})

test('an instance that hangs is left out within a second', async () => {
  const stateOfTwo = async (state: string) =>
    expect(await pair.gateway.registry.metrics())
      .toMatch(new RegExp(`gatepost_upstream_up\\{upstream="posts",instance="${pair.two.url}"[^}]*\\} ${state}\n`))
  await eventually(() => stateOfTwo('1'))
  pair.two.server.removeAllListeners('request')
  pair.two.server.on('request', () => {}) // takes connections and says nothing, as a stopped process does
  await eventually(() => stateOfTwo('0.5'), { withinMs: 2_000 })
  expect(await statuses(20)).toEqual([200])
  expect(pair.one.received.length).toBe(20)
})

test('a gateway is not ready before each of its instances was asked once', async () => {
  const asked: Array<() => void> = []
  const silent = await startUpstream()
  silent.server.removeAllListeners('request')
  silent.server.on('request', (_request, response) => { asked.push(() => response.end('{}')) })
  const starting = await startGateway({ POSTS_URL: silent.url })
  const ready = async () => (await (await starting.fetch('/ready')).json()).checks
  await eventually(() => expect(asked).toHaveLength(1))
  expect((await ready()).posts).toEqual({ status: 'down', detail: 'its instances were not asked yet' })
  for (const answer of asked.splice(0)) answer()
  await eventually(async () => expect((await ready()).posts).toEqual({ status: 'up' }))
  await starting.stop()
  await silent.stop()
})

test('an upstream with a certificate that nobody vouches for is not believed', async () => {
  const server = createServer(selfSigned, (_request, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const careful = await startGateway({ FEED_URL: `https://localhost:${(server.address() as AddressInfo).port}` })
  expect((await careful.call('/api/feed')).status).toBe(503)
  await careful.stop()
  server.close()
})
