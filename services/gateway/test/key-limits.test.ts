import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import { freePorts } from '@gatepost/local-stack/ports'
import { type RedisServer, startRedis } from '@gatepost/local-stack/redis'
import { createApiKeyText } from '@gatepost/service-kit/api-key'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, type TestGateway, uuid7 } from './support/gateway.ts'

interface Exchange {
  accessToken: string
  expiresIn: number
  limit?: { max: number, windowSeconds: number }
}

/** What auth answers for each key, over all gateways. */
const exchanges = new Map<string, Exchange>()
let redis: RedisServer
let alone: TestGateway
let together: TestGateway[]
beforeAll(async () => {
  const [port] = await freePorts(1) as [number]
  redis = await startRedis({ port })
  const env = { USER_RATE_LIMIT_MAX: '12', USER_RATE_LIMIT_WINDOW: '1 hour' }
  const shared = { ...env, REDIS_URL: redis.url };
  [alone, ...together] = await Promise.all([startGateway(env), startGateway(shared), startGateway(shared)])
  for (const { upstream } of [alone, ...together]) {
    upstream.handler = (request, response) => {
      const exchange = exchanges.get(request.headers.authorization?.slice('Bearer '.length) ?? '')
      const body = request.url === KEY_EXCHANGE_PATH ? exchange : { ok: true }
      response.writeHead(body ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? {}))
    }
  }
  await eventually(async () => {
    for (const gateway of together) {
      expect((await (await gateway.fetch('/ready')).json()).checks.limits.status).toBe('up')
    }
  })
})
afterAll(async () => {
  await Promise.all([alone, ...together].map((gateway) => gateway.stop()))
  await redis.stop()
})

function makeKey (sub: string, limit?: Exchange['limit']) {
  const id = uuid7()
  const key = createApiKeyText(id)
  const token = accessToken({ sub, sid: id, scope: 'posts:read' })
  exchanges.set(key, { accessToken: token, expiresIn: 600, ...limit && { limit } })
  return key
}
const callWith = (gateway: TestGateway, key: string) =>
  gateway.fetch('/api/posts', { headers: { authorization: `Bearer ${key}` } })
async function admitted (gateways: TestGateway[], key: string, calls: number) {
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, i) => callWith(gateways[i % gateways.length]!, key))
  )
  const statuses = answers.map(({ status }) => status)
  expect(new Set(statuses.filter((status) => status !== 200 && status !== 429))).toEqual(new Set())
  return statuses.filter((status) => status === 200).length
}

test.each([['one gateway', () => [alone]], ['two gateways', () => together]] as const)(
  'a key with a limit is let through exactly as often, from its first call on, at %s',
  async (_where, gateways) => {
    const key = makeKey(uuid7(), { max: 5, windowSeconds: 3600 })
    expect(await admitted(gateways(), key, 20)).toBe(5)
    expect(await admitted(gateways(), key, 10)).toBe(0)
  }
)

test('keys count as their user: two of them share the user’s limit, whatever their own allow', async () => {
  const user = uuid7()
  const [wide, narrow] = [makeKey(user), makeKey(user, { max: 4, windowSeconds: 3600 })]
  expect(await admitted(together, narrow, 10)).toBe(4)
  expect(await admitted(together, wide, 20)).toBe(8)
  expect((await callWith(alone, makeKey(uuid7()))).status).toBe(200)
})

test('an answer says what is left of the key’s limit, and when it is whole again', async () => {
  const key = makeKey(uuid7(), { max: 2, windowSeconds: 60 })
  for (const left of [1, 0]) {
    const { headers } = await callWith(alone, key)
    expect(headers.get('ratelimit-policy')).toMatch(/, "key";q=2;w=60$/)
    expect(headers.get('ratelimit')).toMatch(new RegExp(`, "key";r=${left};t=(60|59)$`))
  }
  const refused = await callWith(alone, key)
  expect([refused.status, (await refused.json()).code]).toEqual([429, 'RATE_LIMITED'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
})

test('keys with windows of different lengths do not end each other’s windows', async () => {
  const [long, short] = [{ max: 1, windowSeconds: 3600 }, { max: 1, windowSeconds: 1 }].map((limit) =>
    makeKey(uuid7(), limit)
  ) as [string, string]
  expect([await admitted([alone], long, 2), await admitted([alone], short, 2)]).toEqual([1, 1])
  await eventually(async () => { expect(await admitted([alone], short, 1)).toBe(1) })
  expect(await admitted([alone], long, 3)).toBe(0)
})

test('a token that lives shortly is held for most of its life', async () => {
  const key = makeKey(uuid7())
  exchanges.get(key)!.expiresIn = 5
  await callWith(alone, key)
  const before = alone.upstream.received.filter(({ url }) => url === KEY_EXCHANGE_PATH).length
  for (let i = 0; i < 5; i++) expect((await callWith(alone, key)).status).toBe(200)
  expect(alone.upstream.received.filter(({ url }) => url === KEY_EXCHANGE_PATH).length).toBe(before)
})
