import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Account, call, register } from './client.ts'
import { prepareSecond, type SecondProcess } from './second-process.ts'
import { UNLIMITED } from './unlimited-system.ts'

let system: System
let second: SecondProcess
let ada: Account

beforeAll(async () => {
  system = await startSystem({ env: UNLIMITED })
  second = await prepareSecond(system, 'gateway', { env: UNLIMITED })
  second.start()
  ada = await register(system.gatewayUrl, 'Ada')
  await second.ready()
}, 60_000)
afterAll(async () => {
  await second?.kill()
  await system?.stop()
})

const gateways = () => [
  { url: system.gatewayUrl, ops: `http://127.0.0.1:${system.ports.gatewayOps}` },
  { url: second.url, ops: second.opsUrl }
]

async function makeKey (scopes?: string[]): Promise<{ id: string, key: string }> {
  const { status, body } = await call(system.gatewayUrl, 'POST', '/api/auth/keys', {
    token: ada.accessToken,
    body: { name: 'Test', ...scopes && { scopes } }
  })
  expect(status).toBe(201)
  return body
}

async function exchanges (ops: string) {
  const { body } = await call(ops, 'GET', '/metrics')
  const counts = [...body.matchAll(/^gatepost_key_exchanges_total\{.*?outcome="(\w+)".*?\} (\d+)$/mg)] as string[][]
  return Object.fromEntries(counts.map(([, outcome, count]) => [outcome, Number(count)])) as Record<
    'exchanged' | 'refused' | 'failed',
    number
  >
}

const statuses = (key: string, path = '/api/posts') =>
  Promise.all(gateways().map(async ({ url }) => (await call(url, 'GET', path, { token: key })).status))

test('a key is taken wherever an access token is, and calls at once cost one exchange a gateway', async () => {
  const { key } = await makeKey()
  for (const { url, ops } of gateways()) {
    const before = await exchanges(ops)
    const paths = ['/api/posts', '/api/feed', '/api/auth/me', `/api/users/${ada.userId}/overview`]
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
      call(url, 'GET', paths[i % paths.length]!, { token: key })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const { status, body } = await call(url, 'POST', '/api/posts', {
      token: key,
      body: { title: 'By a program', content: 'x' }
    })
    expect([status, body.authorId]).toEqual([201, ada.userId])
    expect((await exchanges(ops)).exchanged - before.exchanged).toBe(1)
  }
})

test('a deleted key is 401 at every gateway within a second, as the worst of 50 trials says', async () => {
  const times: number[] = []
  for (let trial = 0; trial < 50; trial++) {
    const { id, key } = await makeKey()
    expect(await statuses(key, '/api/nothing')).toEqual([404, 404])
    expect((await call(system.gatewayUrl, 'DELETE', `/api/auth/keys/${id}`, { token: ada.accessToken })).status)
      .toBe(204)
    const deleted = performance.now()
    await eventually(async () => {
      expect(await statuses(key, '/api/nothing')).toEqual([401, 401])
    })
    times.push(performance.now() - deleted)
  }
  const [median, p99] = [0.5, 0.99].map((part) => times.toSorted((a, b) => a - b)[Math.ceil(part * times.length) - 1]!)
  const [middle, late] = [median!.toFixed(), p99!.toFixed()]
  process.stdout.write(`A deleted key is 401 at two gateways after ${middle} ms (p99 ${late} ms).\n`)
  expect(p99).toBeLessThan(1_000)
})

test('what is no key of ours is 401, and auth is asked at most once', async () => {
  const { id, key } = await makeKey()
  await call(system.gatewayUrl, 'DELETE', `/api/auth/keys/${id}`, { token: ada.accessToken })
  const { ops } = gateways()[0]!
  const before = await exchanges(ops)
  for (let i = 0; i < 20; i++) {
    for (const text of [key, 'gp_', `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`]) {
      const { status, headers, body } = await call(system.gatewayUrl, 'GET', '/api/posts', { token: text })
      expect([status, body.code, headers.get('www-authenticate')]).toEqual([
        401,
        'TOKEN_INVALID',
        expect.stringContaining('Bearer')
      ])
    }
  }
  expect((await exchanges(ops)).refused - before.refused).toBe(1)
})

test('services themselves take no key', async () => {
  const { key } = await makeKey()
  expect((await call(system.postsUrl, 'GET', '/api/posts', { token: key })).status).toBe(401)
  expect((await call(system.gatewayUrl, 'GET', '/internal/key-exchange', { token: key })).status).toBe(404)
})

test('while auth is away a key that is in use works on, and a new one is 503', async () => {
  const [used, fresh] = [await makeKey(), await makeKey()]
  expect(await statuses(used.key)).toEqual([200, 200])
  await system.kill('auth')
  try {
    expect(await statuses(used.key)).toEqual([200, 200])
    const { status, headers } = await call(system.gatewayUrl, 'GET', '/api/posts', { token: fresh.key })
    expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
  } finally {
    await system.startAgain('auth')
  }
  await eventually(async () => { expect(await statuses(fresh.key)).toEqual([200, 200]) })
})
