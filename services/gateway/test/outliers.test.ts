import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Instances, POST, startInstances } from './support/instances.ts'
import type { TestUpstream } from './support/upstream.ts'

let pair: Instances
beforeEach(async () => { pair = await startInstances() })
afterEach(() => pair.stop())

const answers = (status: number, afterMs = 0): TestUpstream['handler'] => (_request, response) => {
  setTimeout(
    () =>
      response.writeHead(status, { 'content-type': status < 500 ? 'application/json' : 'application/problem+json' })
        .end('{}'),
    afterMs
  )
}
const failing = answers(500)
const good = answers(201, 20)
const ejections = async () =>
  /gatepost_upstream_ejections_total\{upstream="posts",cause="streak"[^}]*\} (\d+)/
    .exec(await pair.gateway.registry.metrics())?.[1]

/** So many clients that send one write after the other; the statuses that they got. */
async function write (clients: number, each: number) {
  const statuses = await Promise.all(Array.from({ length: clients }, async () => {
    const got: number[] = []
    for (let i = 0; i < each; i++) got.push((await pair.gateway.call('/api/posts', POST)).status)
    return got
  }))
  return statuses.flat()
}

test.for([[1, 120], [16, 20]] as const)(
  'an instance that fails at once is left out, with %i client(s) at a time, and good probes do not bring it back',
  async ([clients, each]) => {
    pair.one.handler = failing
    pair.two.handler = good
    const statuses = await write(clients, each)
    const failures = statuses.filter((status) => status === 500).length
    expect(failures).toBeLessThanOrEqual(5 + 2 * clients)
    const before = pair.one.received.length
    await sleep(600) // two probes
    expect(new Set(await write(clients, 5))).toEqual(new Set([201]))
    expect(pair.one.received.length).toBe(before)
    expect(await ejections()).toBe('1')
    expect(pair.gateway.log.map((line) => JSON.parse(line)).find(({ state }) => state === 'ejected')).toMatchObject({
      level: 40,
      upstream: 'posts',
      instance: pair.one.url,
      cause: 'streak'
    })
    expect((await (await pair.gateway.fetch('/ready')).json()).checks.posts).toEqual({
      status: 'degraded',
      detail: '1 of 2 instances are up'
    })
  }
)

test('where all instances fail alike, all of them are asked, and what they say is passed on', async () => {
  pair.one.handler = pair.two.handler = failing
  expect(new Set(await write(8, 20))).toEqual(new Set([500]))
  expect(await ejections()).toBe('0')
  expect(Math.min(pair.one.received.length, pair.two.received.length)).toBeGreaterThan(50)
})

test('an instance that breaks off is left out like one that answers 500', async () => {
  pair.one.handler = (request) => { request.socket.destroy() }
  pair.two.handler = good
  const statuses = await write(4, 50)
  expect(statuses.filter((status) => status === 502).length).toBeLessThanOrEqual(5 + 2 * 4)
  await eventually(async () => expect(await ejections()).toBe('1'))
})
