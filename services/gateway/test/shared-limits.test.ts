import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '@gatepost/local-stack/ports'
import { type RedisServer, startRedis } from '@gatepost/local-stack/redis'
import { eventually } from '@gatepost/testing/eventually'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { redisCounters } from '../src/limits/redis-counters.ts'
import { accessToken, startGateway, type TestGateway } from './support/gateway.ts'

let port: number
let redis: RedisServer
let gateways: TestGateway[] = []
beforeAll(async () => {
  [port] = await freePorts(1) as [number]
  redis = await startRedis({ port })
  const env = {
    REDIS_URL: redis.url,
    RATE_LIMIT_MAX: '20',
    RATE_LIMIT_WINDOW: '1 minute',
    SENSITIVE_RATE_LIMIT_MAX: '4',
    USER_RATE_LIMIT_MAX: '30',
    USER_RATE_LIMIT_WINDOW: '1 minute',
    TRUSTED_PROXIES: '127.0.0.1'
  }
  gateways = await Promise.all([startGateway(env), startGateway(env)])
  await mode('up', 2)
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  redis.signal('SIGCONT')
  await redis.stop()
})

/** Waits until both gateways say that their limits are shared or degraded. */
async function mode (status: 'up' | 'degraded', instances?: number) {
  await eventually(async () => {
    for (const gateway of gateways) {
      expect((await (await gateway.fetch('/ready')).json()).checks.limits.status).toBe(status)
      const metrics = await gateway.registry.metrics()
      expect(metrics).toMatch(new RegExp(`gatepost_limiter_degraded\\{[^}]*\\} ${status === 'up' ? 0 : 1}`))
      if (instances) expect(metrics).toMatch(new RegExp(`gatepost_limiter_instances\\{[^}]*\\} ${instances}`))
    }
  })
}

/**
 * What the burst gave, all of it counted by the store: on a busy machine its answer may come too late to be waited for,
 * and then another is tried.
 */
async function counted<T> (burst: () => Promise<T>): Promise<T> {
  const degraded = async () =>
    (await Promise.all(gateways.map((gateway) => gateway.registry.metrics())))
      .flatMap((
        metrics
      ) => [...metrics.matchAll(/^gatepost_limiter_decisions_total\{[^}]*mode="degraded"[^}]*\} (\d+)/gm)])
      .reduce((sum, [, count]) => sum + Number(count), 0)
  for (;;) {
    await mode('up')
    const before = await degraded()
    const given = await burst()
    if (await degraded() === before) return given
  }
}

let clients = 0
let addresses = 0
/**
 * As many calls of one new client, spread over both gateways; answers how many were admitted and how long the slowest
 * took.
 */
async function burst (count: number, init: { path?: string, method?: string } = {}) {
  const address = `198.51.100.${++clients}`
  const answers = await Promise.all(Array.from({ length: count }, async (_, i) => {
    const began = performance.now()
    const { status } = await gateways[i % 2]!.fetch(init.path ?? '/api/posts', {
      method: init.method ?? 'GET',
      headers: { 'x-forwarded-for': address }
    })
    return { status, ms: performance.now() - began }
  }))
  return {
    admitted: answers.filter(({ status }) => status !== 429).length,
    slowest: Math.max(...answers.map(({ ms }) => ms))
  }
}

test('two gateways together admit exactly the limit', async () => {
  for (let i = 0; i < 3; i++) expect((await counted(() => burst(60))).admitted).toBe(20)
})

test('questions of one turn of the event loop are one round trip, and each has its own answer', async () => {
  const client = new Redis(redis.url)
  const shared = redisCounters({ url: redis.url, log: pino({ level: 'silent' }) })
  try {
    await eventually(() => { expect(shared.status().degraded).toBe(false) })
    const scripts = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1])
    const limits = [
      { name: 'turn', by: 'address' as const, max: 2, windowMs: 60_000 },
      { name: 'turn-user', by: 'user' as const, max: 1_000, windowMs: 60_000 }
    ]
    const before = await scripts()
    const answers = await Promise.all(Array.from({ length: 300 }, (_, n) =>
      shared.take({ address: `turn ${n % 100}`, user: n % 2 ? 'turn' : '', key: '' }, limits.slice(0, 1 + n % 2))))
    expect(answers.map(({ refused, degraded, verdicts }) => [refused, degraded, verdicts.length]))
      .toEqual(answers.map((_, n) => [n >= 200, false, 1 + n % 2]))
    expect(await scripts() - before).toBeLessThan(10) // heartbeats among them
  } finally {
    client.disconnect()
    await shared.close()
  }
})

test('a counter that ends too late, since the clock of Redis went back, ends with its window', async () => {
  const client = new Redis(redis.url)
  try {
    const address = `192.0.2.${++clients}`
    const key = `gatepost:limit:default:${address}`
    await client.set(key, '20', 'PX', 3_600_000)
    const answer = await counted(() => gateways[0]!.fetch('/api/posts', { headers: { 'x-forwarded-for': address } }))
    expect([answer.status, Number(answer.headers.get('retry-after'))]).toEqual([429, 60])
    expect(await client.pttl(key)).toBeLessThanOrEqual(60_000)
  } finally {
    client.disconnect()
  }
})

test('what remains of a limit is told as if there were one gateway', async () => {
  const fields = await counted(async () => {
    const headers = { 'x-forwarded-for': `198.51.100.${++clients}` }
    const told: string[] = []
    for (let i = 0; i < 21; i++) {
      const answer = await gateways[i % 2]!.fetch('/api/posts', { headers })
      told.push(`${answer.status === 429} ${answer.headers.get('ratelimit')}`)
    }
    return told
  })
  expect(fields)
    .toEqual([...Array.from({ length: 20 }, (_, i) => `false "default";r=${19 - i};t=`), 'true "default";r=0;t='].map((
      field
    ) => expect.stringMatching(new RegExp(`^${field}(60|5\\d)$`))))
})

let users = 0
/**
 * As many calls of one new user, each from an address of its own, spread over both gateways; answers how many were
 * admitted.
 */
async function userBurst (count: number, { freshTokens = false } = {}) {
  const sub = `01900000-0000-7000-8000-0000000001${String(++users).padStart(2, '0')}`
  const token = accessToken({ sub })
  const answers = await Promise.all(Array.from({ length: count }, async (_, i) => {
    const headers = {
      'x-forwarded-for': `203.0.113.${++addresses}`,
      authorization: `Bearer ${freshTokens ? accessToken({ sub }) : token}`
    }
    return (await gateways[i % 2]!.fetch('/api/posts', { headers })).status
  }))
  expect(answers.every((status) => status === 200 || status === 429)).toBe(true)
  return answers.filter((status) => status === 200).length
}

test('one user is admitted exactly up to the limit, over two gateways and any number of addresses', async () => {
  expect(await counted(() => userBurst(50))).toBe(30)
  expect(await counted(() => userBurst(50, { freshTokens: true }))).toBe(30)
})

test('while the store does not answer, the limit is this instance’s share, at once', async () => {
  const told = () => gateways[0]!.log.filter((line) => line.includes('rate limits are degraded')).length
  const before = told()
  redis.signal('SIGSTOP')
  const first = await burst(2)
  expect(first.admitted).toBe(2)
  expect(first.slowest, 'a tenth of it on a machine that does nothing else').toBeLessThan(1000)
  await mode('degraded')
  expect(told() - before).toBe(1)
  const shared = await burst(60)
  expect(shared.admitted).toBe(20) // half of it at each of the two
  expect((await burst(20, { path: '/api/auth/login', method: 'POST' })).admitted).toBe(4)
  expect(await userBurst(50)).toBe(30)
  redis.signal('SIGCONT')
  expect((await counted(() => burst(60))).admitted).toBe(20)
})

test('the same when the store is killed and comes back', async () => {
  redis.signal('SIGKILL')
  await redis.ended
  await mode('degraded')
  expect((await burst(60)).admitted).toBe(20)
  redis = await startRedis({ port })
  await mode('up', 2)
  expect((await counted(() => burst(60))).admitted).toBe(20)
})

test('a gateway that goes away gives its share back', async () => {
  const [left] = gateways.splice(1, 1)
  await left!.stop()
  await mode('up', 1)
  await sleep(10)
})
