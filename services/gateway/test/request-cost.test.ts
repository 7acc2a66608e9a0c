import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { upstreamUrls } from '@gatepost/testing/upstreams'
import { type Child, startChild } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { eventually } from '@gatepost/testing/eventually'
import { type Call, costOf, probed, whyNoSystemCalls } from '@gatepost/testing/request-cost'
import { testServers } from '@gatepost/testing/servers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, ISSUER, JWKS, POST_ID } from './support/gateway.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))
const REQUESTS = 1_200
let folder: string
let socket: string
let upstream: TestUpstream
let gateway: Child
let url: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatepost-request-cost-'))
  socket = join(folder, 'probe')
  upstream = await startUpstream({ jwks: JWKS })
  const [port, operationsPort] = await freePorts(2) as [number, number]
  url = `http://127.0.0.1:${port}`
  gateway = startChild(process.execPath, [SERVER], {
    name: 'gateway',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      ...probed(socket),
      GATEWAY_PORT: String(port),
      GATEWAY_OPS_PORT: String(operationsPort),
      ...upstreamUrls(upstream.url),
      NATS_URL: testServers().natsUrls.gateway,
      PUBLIC_URL: ISSUER,
      RATE_LIMIT_MAX: '1000000',
      CORS_ORIGINS: 'http://localhost:5173'
    }
  })
  await eventually(async () => { expect((await fetch(`${url}/ready`)).status).toBe(200) })
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
  await rm(folder, { recursive: true, force: true })
})

/** What one request may take: a fifth more than what is measured. None of it depends on the machine's speed. */
const MOST = { promises: 2, microtasks: 2, ticks: 11, systemCalls: 6 }
const whyNot = whyNoSystemCalls()
const POST = JSON.stringify({ title: 'A title', content: 'x'.repeat(980) })

test.each([
  ['GET', `/api/posts/${POST_ID}`, undefined, { ...MOST, bytes: 36_000 }],
  ['POST', '/api/posts', POST, { ...MOST, bytes: 42_000 }]
] as const)(
  `a %s takes no more bytes, promises and system calls than it needs${whyNot ? ` (${whyNot})` : ''}`,
  async (method, path, body, most) => {
    const headers: Call['headers'] = { authorization: `Bearer ${accessToken()}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const cost = await costOf({ pid: gateway.pid, socket }, { method, url: url + path, headers, body }, REQUESTS)
    if (whyNot !== undefined) cost.systemCalls = 0
    const over = Object.entries(most).filter(([name, bound]) => !(cost[name as keyof typeof cost] < bound))
    expect(over, JSON.stringify(cost)).toEqual([])
    expect(cost.bytes).toBeGreaterThan(5_000)
    expect(cost.ticks).toBeGreaterThan(1)
  }
)
