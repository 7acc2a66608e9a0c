import { randomInt } from 'node:crypto'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { type Child, startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { eventually } from '@gatepost/testing/eventually'
import { testServers } from '@gatepost/testing/servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, ISSUER, JWKS } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

const LIMIT = 20
const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))
let upstream: TestUpstream
let gateway: Child
/** Addresses that no other run on the same Redis has counted: 2001:db8:x:y::/64. */
const network = `2001:db8:${randomInt(1, 0xffff).toString(16)}`
const client = (number: number) => `${network}:${number}::1`
let port: number
let operationsPort: number
let log = ''

beforeAll(async () => {
  upstream = await startUpstream({ jwks: JWKS });
  [port, operationsPort] = await freePorts(2) as [number, number]
  gateway = startGateway()
  await waitForPort(gateway, port)
  await eventually(() => { expect(log).toContain('"workers":2') })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

function startGateway () {
  return startChild(process.execPath, [SERVER], {
    name: 'gateway',
    onOutput: (output) => {
      log += output
    },
    env: environment()
  })
}

function environment () {
  return {
    ...process.env,
    GATEWAY_WORKERS: '2',
    GATEWAY_PORT: String(port),
    GATEWAY_OPS_PORT: String(operationsPort),
    ...upstreamUrls(upstream.url),
    NATS_URL: testServers().natsUrls.gateway,
    REDIS_URL: testServers().redisUrl,
    PUBLIC_URL: ISSUER,
    RATE_LIMIT_MAX: String(LIMIT),
    RATE_LIMIT_WINDOW: '10 minutes',
    USER_RATE_LIMIT_MAX: '1000',
    TRUSTED_PROXIES: '127.0.0.1'
  }
}

/** A request over a connection of its own, so that the kernel chooses a worker for each. */
function ask (path: string, from = client(1)) {
  return new Promise<{ status: number, body: string, limits: unknown[] }>((resolve, reject) => {
    request({
      port,
      path,
      agent: false,
      headers: { authorization: `Bearer ${accessToken()}`, 'x-forwarded-for': from }
    }, (response) => {
      const limits = ['ratelimit', 'retry-after'].map((name) => response.headers[name])
      text(response).then((body) => resolve({ status: response.statusCode!, body, limits }), reject)
    }).on('error', reject).end()
  })
}

function workersOf (pid: number) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

const askMany = async (from: string, times = 3 * LIMIT) => {
  const statuses = await Promise.all(Array.from({ length: times }, async () => (await ask('/api/posts', from)).status))
  return [200, 429].map((status) => statuses.filter((one) => one === status).length)
}

test('a limit is exact over all workers', async () => {
  await eventually(async () => {
    expect((await ask('/api/posts', client(99))).status).not.toBe(503)
  }) // auth's keys are there
  expect(await askMany(client(1))).toEqual([LIMIT, 2 * LIMIT])
  expect(await askMany(client(2))).toEqual([LIMIT, 2 * LIMIT])
})

test('one operations port counts what all of them did', async () => {
  const [admitted, refused] = await askMany(client(3))
  expect([admitted, refused]).toEqual([LIMIT, 2 * LIMIT])
  await eventually(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${operationsPort}/metrics`)).text()
    const count = (status: number) =>
      Number(new RegExp(
        `^http_requests_total{method="GET",route="/api/posts",status="${status}",service="gateway"} (\\d+)$`,
        'm'
      ).exec(metrics)?.[1])
    expect(count(429)).toBe(6 * LIMIT)
    expect(count(200)).toBeGreaterThan(3 * LIMIT)
    expect(metrics)
      .toMatch(/^http_request_duration_seconds_count\{method="GET",route="\/api\/posts",service="gateway"\} \d+$/m)
    expect(metrics).toMatch(/^gatepost_upstream_up\{.*\} 1$/m) // of each worker one, and not two
  })
})

test('what remains of a limit is told as if there were one process', async () => {
  const from = client(5)
  for (let remaining = LIMIT - 1; remaining >= 0; remaining--) {
    expect((await ask('/api/posts', from)).limits[0])
      .toMatch(new RegExp(`^"default";r=${remaining};t=(600|59\\d), "user";r=\\d+;t=`))
  }
  const { status, limits } = await ask('/api/posts', from)
  expect([status, ...limits]).toEqual([
    429,
    expect.stringMatching(/^"default";r=0;t=\d+/),
    expect.stringMatching(/^(600|59\d)$/)
  ])
})

test('a supervisor that stands still is not waited for, and limits stay exact', async () => {
  gateway.signal('SIGSTOP')
  try {
    expect(await askMany(client(6))).toEqual([LIMIT, 2 * LIMIT])
  } finally {
    gateway.signal('SIGCONT')
  }
})

test('a worker that dies is replaced, and nothing that was counted is forgotten', async () => {
  const before = workersOf(gateway.pid)
  expect(before).toHaveLength(2)
  process.kill(before[0]!, 'SIGKILL')
  await eventually(() => {
    const now = workersOf(gateway.pid)
    expect(now).toHaveLength(2)
    expect(now).not.toContain(before[0])
  })
  await eventually(() => { expect(log).toContain('a worker died, another takes its place') })
  expect((await ask('/live')).status).toBe(200)
  expect(await askMany(client(1), LIMIT)).toEqual([0, LIMIT])
})

test('a port that is taken is one readable line and the end', async () => {
  const other = startGateway()
  expect(await other.ended).toBe('gateway ended with code 1')
})

test('several workers without Redis are one readable line and the end', async () => {
  const { ended, lastWords } = startChild(process.execPath, [SERVER], {
    name: 'gateway',
    env: { ...environment(), REDIS_URL: '' }
  })
  expect(await ended).toBe('gateway ended with code 1')
  expect(lastWords())
    .toBe(
      'gateway: GATEWAY_WORKERS is 2: several workers share rate limits through Redis; set REDIS_URL, or ' +
        'GATEWAY_WORKERS=1'
    )
})

test('the end of the supervisor lets requests finish and ends all workers', async () => {
  // the supervisor, two workers and the one that took a place
  await eventually(() => { expect(log.match(/"msg":"listening"/g)).toHaveLength(4) })
  const workers = workersOf(gateway.pid)
  const held: Array<() => void> = []
  upstream.handler = (_request, response) => {
    held.push(() => response.setHeader('content-type', 'application/json').end('{"late":true}'))
  }
  const answers = Array.from({ length: 8 }, () => ask('/api/posts', client(4)))
  await eventually(() => { expect(held).toHaveLength(8) })
  gateway.signal('SIGTERM')
  await eventually(() => { expect(log.match(/"msg":"draining"/g)).toHaveLength(2) })
  for (const release of held) release()
  expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(Array(8).fill('{"late":true}'))
  expect(await gateway.ended).toBe('gateway ended with code 0')
  for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})
