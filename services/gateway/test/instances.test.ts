import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { selfSigned } from './support/certificate.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

let one: TestUpstream
let two: TestUpstream
let gateway: TestGateway
beforeEach(async () => {
  [one, two] = await Promise.all([startUpstream(), startUpstream()])
  gateway = await startGateway({ POSTS_URL: `${one.url},${two.url}` })
})
afterEach(async () => {
  await gateway.stop()
  await Promise.all([one.stop(), two.stop()])
})

const POST = { method: 'POST', body: '{"title":"a","content":"b"}', headers: { 'content-type': 'application/json' } }
const statuses = async (count: number, init: RequestInit = {}) => [...new Set((await Promise.all(Array.from({ length: count }, () => gateway.call('/api/posts', init)))).map(({ status }) => status))]

test('calls are spread over the instances', async () => {
  await statuses(40)
  expect(one.received.length + two.received.length).toBe(40)
  expect(Math.min(one.received.length, two.received.length)).toBeGreaterThanOrEqual(15)
})

test('the busier instance gets less', async () => {
  one.handler = (_request, response) => { setTimeout(() => response.setHeader('content-type', 'application/json').end('{}'), 1_000) }
  for (let i = 0; i < 5; i++) await Promise.all([statuses(1), new Promise((resolve) => { setTimeout(resolve, 30) })].slice(i ? 0 : 1))
  await statuses(20)
  expect(two.received.length).toBeGreaterThan(one.received.length)
})

test('an instance that dies costs no client anything, not even a write, and comes back by itself', async () => {
  await statuses(10)
  await two.stop()
  expect(await statuses(30)).toEqual([200])
  expect(await statuses(30, POST)).toEqual([200])
  const before = one.received.length
  expect(await statuses(10)).toEqual([200])
  expect(one.received.length - before).toBe(10)
  two = await startUpstream({ port: two.port })
  await eventually(async () => {
    await statuses(4)
    expect(two.received.length).toBeGreaterThan(0)
  })
  const told = gateway.log.map((line) => JSON.parse(line)).filter(({ instance, state }) => instance === two.url && state).map(({ level, msg }) => [level, msg])
  expect(told).toContainEqual([40, 'an instance of posts is down'])
  expect(told.at(-1)).toEqual([30, 'an instance of posts is up'])
})

test('an instance that hangs is left out within a second', async () => {
  const stateOfTwo = async (state: string) => expect(await gateway.registry.metrics()).toMatch(new RegExp(`gatepost_upstream_up\\{upstream="posts",instance="${two.url}"[^}]*\\} ${state}\n`))
  await eventually(() => stateOfTwo('1'))
  two.server.removeAllListeners('request')
  two.server.on('request', () => {}) // takes connections and says nothing, as a stopped process does
  await eventually(() => stateOfTwo('0.5'), { withinMs: 2_000 })
  expect(await statuses(20)).toEqual([200])
  expect(one.received.length).toBe(20)
})

test('an upstream with a certificate that nobody vouches for is not believed', async () => {
  const server = createServer(selfSigned, (_request, response) => response.end('{}')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const careful = await startGateway({ FEED_URL: `https://localhost:${(server.address() as AddressInfo).port}` })
  expect((await careful.call('/api/feed')).status).toBe(503)
  await careful.stop()
  server.close()
})
