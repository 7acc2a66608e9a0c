import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { parseSettings } from '@gatepost/service-kit/settings'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsSchema } from '../src/config.ts'
import { limitsOf } from '../src/limits/configured-limits.ts'
import { accessToken, startGateway, type TestGateway, uuid7 } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    RATE_LIMIT_MAX: '1000',
    RATE_LIMIT_WINDOW: '1 hour',
    USER_RATE_LIMIT_MAX: '6',
    USER_RATE_LIMIT_WINDOW: '1 hour'
  })
})
afterAll(async () => {
  await gateway.stop()
})

const agent = new Agent({ keepAlive: false })
/** A call from one of the machine's own addresses. */
function callFrom (localAddress: string, token: string, { path = '/api/posts', method = 'GET' } = {}) {
  return new Promise<
    { status: number, policy: unknown, left: unknown, code: unknown, retryAfter: unknown }
  >((resolve, reject) => {
    request(gateway.url + path, {
      method,
      localAddress,
      agent,
      headers: token ? { authorization: `Bearer ${token}` } : {}
    }, async (response) => {
      const { headers, statusCode } = response
      const body = await text(response)
      resolve({
        status: statusCode!,
        policy: headers['ratelimit-policy'],
        left: headers.ratelimit,
        retryAfter: headers['retry-after'],
        code: body && JSON.parse(body).code
      })
    }).on('error', reject).end()
  })
}
const newUser = () => {
  const sub = uuid7()
  return (claims = {}) => accessToken({ sub, ...claims })
}
const statuses = async (calls: Array<() => ReturnType<typeof callFrom>>) => {
  const answers = []
  for (const call of calls) answers.push((await call()).status)
  return answers
}

test('one user from two addresses has one limit; who shares an address with that user has another', async () => {
  const token = newUser()()
  const calls = Array.from({ length: 8 }, (_, i) => () => callFrom(`127.0.0.${1 + i % 2}`, token))
  expect(await statuses(calls)).toEqual([200, 200, 200, 200, 200, 200, 429, 429])
  const refused = await callFrom('127.0.0.3', token)
  expect([refused.status, refused.code, Number(refused.retryAfter) > 3500]).toEqual([429, 'RATE_LIMITED', true])
  expect(await statuses([() => callFrom('127.0.0.1', newUser()()), () => callFrom('127.0.0.1', '')])).toEqual([
    200,
    401
  ])
})

test('a token for every request, unknown paths, HEAD and logout are no way around it', async () => {
  const fresh = newUser()
  expect(await statuses([
    ...Array.from({ length: 3 }, () => () => callFrom('127.0.0.1', fresh())),
    () => callFrom('127.0.0.2', fresh(), { path: '/api/nothing' }),
    () => callFrom('127.0.0.2', fresh(), { method: 'HEAD' }),
    () => callFrom('127.0.0.1', fresh(), { path: '/api/auth/logout', method: 'POST' }),
    () => callFrom('127.0.0.1', fresh()),
    () => callFrom('127.0.0.2', fresh(), { path: '/api/nothing' })
  ])).toEqual([200, 200, 200, 404, 200, 200, 429, 429])
})

test('nobody uses up another’s limit with tokens that are not good', async () => {
  const token = newUser()
  const good = token()
  const forged = `${good.slice(0, good.lastIndexOf('.'))}.${token().split('.')[2]}`
  for (const bad of [forged, token({ exp: 1_000_000_000 })]) {
    for (let i = 0; i < 4; i++) expect((await callFrom('127.0.0.2', bad)).status).toBe(401)
  }
  expect((await callFrom('127.0.0.1', good)).left).toMatch(/"user";r=5;/)
})

test('every answer to a user says what is left of both limits, for known tokens and new ones alike', async () => {
  const token = newUser()()
  for (const left of [5, 4]) {
    const answer = await callFrom('127.0.0.1', token)
    expect([answer.policy, answer.left]).toEqual([
      '"default";q=1000;w=3600, "user";q=6;w=3600',
      expect.stringMatching(`^"default";r=\\d+;t=\\d+, "user";r=${left};t=3\\d\\d\\d$`)
    ])
  }
  expect((await callFrom('127.0.0.1', '')).policy).toBe('"default";q=1000;w=3600')
})

test.each([
  [{}, 3000],
  [{ RATE_LIMIT_MAX: '100', RATE_LIMIT_WINDOW: '1 hour' }, 500],
  [{ RATE_LIMIT_MAX: '7', RATE_LIMIT_WINDOW: '7 seconds' }, 5 * 9 * 7],
  [{ USER_RATE_LIMIT_WINDOW: '1 hour' }, 180_000],
  [{ USER_RATE_LIMIT_MAX: '20' }, 20],
  [{ RATE_LIMIT_MAX: '1000000000', RATE_LIMIT_WINDOW: '1 ms' }, 300_000_000_000_000]
])('by default no user who keeps within the limit of an address meets it: %o', (env, max) => {
  expect(limitsOf(parseSettings(settingsSchema, env as Record<string, string>)).user.max).toBe(max)
})
