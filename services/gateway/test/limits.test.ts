import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    RATE_LIMIT_MAX: '10',
    RATE_LIMIT_WINDOW: '2 seconds',
    SENSITIVE_RATE_LIMIT_MAX: '3',
    SENSITIVE_RATE_LIMIT_WINDOW: '1 hour',
    TRUSTED_PROXIES: '127.0.0.1'
  })
})
afterAll(async () => {
  await gateway.stop()
})

let clients = 0
/** A client that nobody has seen yet. */
function newClient () {
  const address = `198.51.100.${++clients}`
  return (path: string, init: RequestInit = {}) =>
    gateway.fetch(path, { ...init, headers: { 'x-forwarded-for': address, ...init.headers } })
}

test('404, 405, 401, HEAD: all under /api are counted together', async () => {
  const client = newClient()
  const calls: Array<[string, RequestInit]> = [
    ['/api/nothing', {}],
    ['/api', {}],
    ['/api/auth/login', {}],
    ['/api/posts', { method: 'HEAD' }],
    ['/api/posts', {}],
    ['/api/posts', { method: 'PUT' }],
    ['/api/posts', {}],
    ['/api/feed?x=1', {}],
    ['/api/a/b/c', {}],
    ['/api/users/x/overview', {}]
  ]
  for (const [path, init] of calls) expect((await client(path, init)).status).not.toBe(429)
  const answer = await client('/api/posts', { headers: { authorization: `Bearer ${accessToken()}` } })
  expect([answer.status, answer.headers.get('ratelimit'), answer.headers.get('content-type')]).toEqual([
    429,
    expect.stringMatching(/^"default";r=0;t=[12]$/),
    'application/problem+json'
  ])
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await client('/live')).status).toBe(200)
})

test('preflights use up no calls, and are bounded by a limit of their own', async () => {
  const client = newClient()
  const preflight = () =>
    client('/api/posts', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' }
    })
  for (let left = 9; left >= 0; left--) {
    const { status, headers } = await preflight()
    expect([status, headers.get('ratelimit')]).toEqual([204, expect.stringMatching(`^"preflight";r=${left};t=`)])
  }
  expect((await preflight()).status).toBe(429)
  const call = await client('/api/posts')
  expect([call.status, call.headers.get('ratelimit')]).toEqual([401, expect.stringMatching(/^"default";r=9;t=/)])
})

test('decisions are counted', async () => {
  const counts = async () => {
    const metrics = await gateway.registry.metrics()
    return ['admitted', 'refused'].map((decision) =>
      Number(new RegExp(
        `^gatepost_limiter_decisions_total\\{[^}]*decision="${decision}",mode="normal"[^}]*\\} (\\d+)`,
        'm'
      ).exec(metrics)?.[1])
    )
  }
  const [admitted, refused] = await counts() as [number, number]
  const client = newClient()
  for (let i = 0; i < 12; i++) await client('/api/posts')
  expect(await counts()).toEqual([admitted + 10, refused + 2])
})

test('limits come before tokens are looked at', async () => {
  const client = newClient()
  for (let i = 0; i < 10; i++) await client('/api/posts')
  const { misses } = gateway.app.identity.stats
  expect((await client('/api/posts', { headers: { authorization: `Bearer ${accessToken()}` } })).status).toBe(429)
  expect(gateway.app.identity.stats.misses).toBe(misses)
})

test('register, login and password endpoints share one tight limit; others go on', async () => {
  const client = newClient()
  const json = (body: unknown) => ({
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' }
  })
  const statuses = []
  for (const path of ['login', 'register', 'forgot-password', 'login']) {
    statuses.push((await client(`/api/auth/${path}`, json({}))).status)
  }
  expect(statuses).toEqual([400, 400, 400, 429])
  const refused = await client('/api/auth/login', json({}))
  expect(refused.headers.get('ratelimit-policy')).toBe('"default";q=10;w=2, "sensitive";q=3;w=3600')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000)
  expect((await client('/api/auth/refresh-token', json({ refreshToken: 'x' }))).status).toBe(200)
})

test('every answer under /api says what is left', async () => {
  const client = newClient()
  for (const path of ['/api/posts', '/api/nothing']) {
    const { headers } = await client(path)
    expect([headers.get('ratelimit-policy'), headers.get('ratelimit')]).toEqual([
      '"default";q=10;w=2',
      expect.stringMatching(/^"default";r=\d;t=2$/)
    ])
    expect([...headers.keys()].filter((name) => /^x-ratelimit|^ratelimit-(limit|remaining|reset)/.test(name)))
      .toEqual([])
  }
})

test('by default ten requests of an address pass in a window, unknown paths counted, probes not', async () => {
  const byDefault = await startGateway({
    RATE_LIMIT_MAX: undefined,
    SENSITIVE_RATE_LIMIT_MAX: undefined,
    RATE_LIMIT_WINDOW: '30 seconds'
  })
  const answers = []
  for (let i = 0; i < 12; i++) {
    answers.push(await byDefault.fetch(i % 3 ? '/api/posts' : '/api/nothing', { method: i % 2 ? 'HEAD' : 'GET' }))
  }
  expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429, 429])
  for (const { headers } of answers) {
    expect(headers.get('ratelimit-policy')).toBe('"default";q=10;w=30')
    expect(headers.get('ratelimit')).toMatch(/^"default";r=\d+;t=\d+$/)
  }
  expect(answers[10]!.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  expect((await byDefault.fetch('/live')).status).toBe(200)
  await byDefault.stop()
})
