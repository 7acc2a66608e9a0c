import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareEnvironment } from '@gatepost/testing/environment'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register, type Account } from './client.ts'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { prepareSecond, root, type SecondProcess } from './second-process.ts'

/** A condition is waited for, however busy the machine; that a second is enough has a test of its own. */
const LIMITS = { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '100000' }
let system: System
let proxy: Awaited<ReturnType<typeof startTcpProxy>>
/** Another gateway, whose way to NATS can be cut. */
let second: SecondProcess
let ada: Account

beforeAll(async () => {
  system = await startSystem({ env: LIMITS })
  proxy = await startTcpProxy(system.ports.nats)
  second = await prepareSecond(system, 'gateway', { env: LIMITS, natsPort: proxy.port })
  second.start()
  ada = await register(system.gatewayUrl, 'Ada')
  await second.ready()
}, 60_000)
afterAll(async () => {
  await second?.kill()
  await proxy?.stop()
  await system?.stop()
})

interface Session {
  accessToken: string
  refreshToken: string
  sessionId: string
}
const post = (path: string, options: Parameters<typeof call>[3] = {}) => call(system.gatewayUrl, 'POST', path, options)
const login = async (): Promise<Session> =>
  (await post('/api/auth/login', { body: { email: ada.email, password: ada.password } })).body
const refresh = (refreshToken: string, gateway = system.gatewayUrl) =>
  call(gateway, 'POST', '/api/auth/refresh-token', { body: { refreshToken } })

/** The status of a protected call at each gateway and at each service itself. */
function statuses (token: string) {
  const doors = [
    [system.gatewayUrl, '/api/auth/me'],
    [system.gatewayUrl, '/api/posts'],
    [second.url, '/api/auth/me'],
    [second.url, '/api/posts'],
    [system.authUrl, '/api/auth/me'],
    [system.postsUrl, '/api/posts'],
    [system.feedUrl, '/api/feed']
  ] as const
  return Promise.all(doors.map(async ([origin, path]) => (await call(origin, 'GET', path, { token })).status))
}
const dead = (token: string) => eventually(async () => expect(await statuses(token)).toEqual(Array(7).fill(401)))
const alive = async (token: string) => expect(await statuses(token)).toEqual(Array(7).fill(200))

/** Answered by the gateway alone: what it knows itself. The stream is left at once. */
async function streamStatus (gateway: string, token: string) {
  const leaving = new AbortController()
  const { status } = await fetch(`${gateway}/api/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: leaving.signal
  })
  leaving.abort()
  return status
}

const kidOf = (token: string): string => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()).kid

async function staleSeconds () {
  const { body } = await call(second.opsUrl, 'GET', '/metrics')
  return Number(/^gatepost_revocations_stale_seconds(?:\{[^}]*\})? ([\d.]+)$/m.exec(body)?.[1])
}

test('keys are public and cacheable through the gateway, and tokens carry nothing personal', async () => {
  const { accessToken } = await login()
  const { headers, body } = await call(second.url, 'GET', '/.well-known/jwks.json')
  expect(headers.get('cache-control')).toMatch(/public, max-age=\d+/)
  expect(body.keys.map(({ kid }: { kid: string }) => kid)).toContain(kidOf(accessToken))
  expect(JSON.stringify(body)).not.toContain('"d"')
  expect(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()).not.toMatch(/@|Ada/)
  await alive(accessToken)
})

test('tabs that race at two gateways get one successor; a token used long ago ends its session everywhere, although the answer is 401', async () => {
  const first = await login()
  const raced = await Promise
    .all(Array.from({ length: 10 }, (_, tab) => refresh(first.refreshToken, tab % 2 ? second.url : system.gatewayUrl)))
  expect(raced.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect(new Set(raced.map(({ body }) => body.refreshToken)).size).toBe(1)
  const next = await refresh(raced[0]!.body.refreshToken)
  await alive(next.body.accessToken)
  const reused = await refresh(first.refreshToken, second.url)
  expect([reused.status, reused.body.code]).toEqual([401, 'AUTH_REFRESH_TOKEN_REUSED'])
  await dead(next.body.accessToken)
  expect((await refresh(next.body.refreshToken)).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  for (const junk of ['x', `${first.refreshToken.slice(0, -2)}AA`, 'A'.repeat(4096)]) {
    expect((await refresh(junk)).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  }
})

test('a logout counts at every gateway and in every service within a second', { retry: 2 }, async () => {
  const times: number[] = []
  for (let sample = 0; sample < 5; sample++) {
    const { accessToken } = await login()
    expect((await post('/api/auth/logout', { token: accessToken })).status).toBe(204)
    const from = performance.now()
    await dead(accessToken)
    times.push(performance.now() - from)
  }
  // The middle one, since other tests may hold the machine for a moment.
  expect(times.sort((a, b) => a - b)[2]).toBeLessThan(1_000)
})

test('a logout ends what its scope says, everywhere: this session, the others, all, by either token, twice', async () => {
  const [one, two, three] = [await login(), await login(), await login()]
  const logout = (scope: string, options: object) =>
    post(`/api/auth/logout?scope=${scope}`, options).then(({ status }) => status)
  expect(await logout('local', { token: one.accessToken })).toBe(204)
  await dead(one.accessToken)
  await alive(two.accessToken)
  expect(await logout('others', { token: two.accessToken })).toBe(204)
  await Promise.all([dead(three.accessToken), dead(ada.accessToken)])
  await alive(two.accessToken)
  const four = await login()
  expect(await logout('all', { body: { refreshToken: two.refreshToken } })).toBe(204)
  await Promise.all([dead(two.accessToken), dead(four.accessToken)])
  expect([
    await logout('local', { token: one.accessToken }),
    await logout('all', { body: { refreshToken: two.refreshToken } })
  ]).toEqual([204, 204])
})

test('a gateway that starts knows what was revoked before and while it was down', async () => {
  const [before, meanwhile, living] = [await login(), await login(), await login()]
  await post('/api/auth/logout', { token: before.accessToken })
  await second.kill()
  await post('/api/auth/logout', { token: meanwhile.accessToken })
  second.start()
  await second.ready()
  expect(await Promise.all([before, meanwhile, living].map(({ accessToken }) => streamStatus(second.url, accessToken))))
    .toEqual([401, 401, 200])
})

test(
  'keys rotate by the command without a single 401 at two gateways, one of them cut off from NATS; that one says how stale it is, and has caught up when the way is back',
  async () => {
    const doomed = await login()
    let { accessToken, refreshToken } = await login()
    const old = kidOf(accessToken)
    proxy.close()
    let failures: string[] = []
    const seen = new Map<string, number>()
    const stopping = new AbortController()
    const clients = [system.gatewayUrl, second.url].map(async (gateway) => {
      while (!stopping.signal.aborted) {
        const token = accessToken
        for (const path of ['/api/auth/me', '/api/posts', '/api/feed']) {
          const { status, body } = await call(gateway, 'GET', path, { token })
          if (status !== 200) failures.push(`${status} ${path} ${JSON.stringify(body)}`)
        }
        seen.set(gateway + kidOf(token), (seen.get(gateway + kidOf(token)) ?? 0) + 1)
        await sleep(5)
      }
    })
    const env = {
      ...bareEnvironment,
      AUTH_DATABASE_URL: system.databaseUrl('auth'),
      TOKEN_SECRET: await system.tokenSecret()
    }
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'scripts/keys.ts'), 'rotate'], { env })
    const fresh = /^([\w-]{43}) signs from now on/m.exec(stdout)![1]!
    expect(fresh).not.toBe(old)
    await eventually(async () => {
      ;({ accessToken, refreshToken } = (await refresh(refreshToken)).body)
      expect(kidOf(accessToken)).toBe(fresh)
    }, { withinMs: 15_000 })
    await eventually(() => {
      for (const gateway of [system.gatewayUrl, second.url]) expect(seen.get(gateway + fresh)).toBeGreaterThan(5)
    })
    // A session whose token the old key signed goes on.
    for (const gateway of [system.gatewayUrl, second.url]) {
      expect((await call(gateway, 'GET', '/api/posts', { token: doomed.accessToken })).status).toBe(200)
    }
    stopping.abort()
    await Promise.all(clients)
    expect(failures).toEqual([])
    failures = []

    // Cut off from NATS the gateway goes on and says so; what it lets through, the services still refuse.
    await eventually(async () => {
      const { status, body } = await call(second.url, 'GET', '/ready')
      expect([status, body.checks.nats.status, body.checks.revocations.status]).toEqual([200, 'degraded', 'degraded'])
    }, { withinMs: 15_000 })
    expect(await staleSeconds()).toBeGreaterThan(5)
    expect((await post('/api/auth/logout', { token: doomed.accessToken })).status).toBe(204)
    await eventually(async () =>
      expect((await call(second.url, 'GET', '/api/posts', { token: doomed.accessToken })).status).toBe(401)
    )
    expect(await streamStatus(second.url, doomed.accessToken)).toBe(200)

    // One that starts now must not take requests before it has read what it missed.
    await second.kill()
    second.start()
    await eventually(async () => {
      const { status, body } = await call(second.url, 'GET', '/ready')
      expect([status, body.checks.revocations.status]).toEqual([503, 'down'])
    }, { withinMs: 15_000 })
    proxy.open()
    await second.ready()
    expect(await streamStatus(second.url, doomed.accessToken)).toBe(401)
    expect(await staleSeconds()).toBeLessThan(5)

    // One that ran through a cut needs no restart.
    const later = await login()
    proxy.close()
    await eventually(async () =>
      expect((await call(second.url, 'GET', '/ready')).body.checks.nats.status).toBe('degraded')
    )
    expect((await post('/api/auth/logout', { token: later.accessToken })).status).toBe(204)
    expect(await streamStatus(second.url, later.accessToken)).toBe(200)
    proxy.open()
    await eventually(async () => expect(await streamStatus(second.url, later.accessToken)).toBe(401))
  },
  60_000
)
