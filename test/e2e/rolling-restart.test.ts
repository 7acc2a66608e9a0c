import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '@gatepost/local-stack/ports'
import { startService, waitUntilReady } from '@gatepost/local-stack/services'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { Pool } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { register, type Account } from './client.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PROBE_MS = 100
const CALLERS = 6
let system: System
let ada: Account
let gateways: Gateway[]

beforeAll(async () => {
  system = await startSystem({ env: { RATE_LIMIT_MAX: '1000000' } })
  ada = await register(system.gatewayUrl, 'Ada')
  const ports = await freePorts(4)
  gateways = [new Gateway(ports[0]!, ports[1]!), new Gateway(ports[2]!, ports[3]!)]
  for (const gateway of gateways) gateway.start()
  await Promise.all(gateways.map((gateway) => waitUntilReady('gateway', gateway.port)))
}, 60_000)
afterAll(async () => {
  await Promise.all(gateways?.map((gateway) => gateway.child?.stop()) ?? [])
  await system?.stop()
})

/** One of the gateways, as an orchestrator restarts it and a load balancer sees it. */
class Gateway {
  readonly port: number
  readonly opsPort: number
  readonly pool: Pool
  child: ReturnType<typeof startService> | undefined
  ready = true

  constructor (port: number, opsPort: number) {
    this.port = port
    this.opsPort = opsPort
    this.pool = new Pool(`http://127.0.0.1:${port}`, { connections: CALLERS * 2 })
  }

  start () {
    this.child = startService({
      service: 'gateway',
      root,
      ports: { ...system.ports, gateway: this.port, gatewayOps: this.opsPort },
      env: { PATH: process.env.PATH, PUBLIC_URL: system.gatewayUrl, RATE_LIMIT_MAX: '1000000', DRAIN_DELAY: '1' },
      settings: {
        databaseUrl: undefined,
        natsUrl: system.brokerUrl('gateway'),
        tokenSecret: '',
        dataDir: system.dataDir
      }
    })
  }

  async probe () {
    const answer = await this.get('/ready').catch(() => undefined)
    this.ready = answer?.status === 200
    return answer
  }

  get (path: string) {
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(2000)
    })
  }
}

/** What a load balancer does: asks who is ready, takes turns among them, and goes elsewhere when nobody listens. */
function startLoad () {
  const failures: string[] = []
  const answers = { reads: 0, writes: 0 }
  const stopping = new AbortController()
  let turn = 0

  async function call (method: 'GET' | 'POST', path: string, body?: string) {
    for (let tries = 0; tries < 50; tries++) {
      const gateway = gateways.filter(({ ready }) => ready)[turn++ % 2] ?? gateways.find(({ ready }) => ready)
      if (gateway === undefined) return failures.push('no gateway is ready')
      try {
        const answer = await gateway.pool.request({
          method,
          path,
          body,
          headers: { authorization: `Bearer ${ada.accessToken}`, ...body && { 'content-type': 'application/json' } }
        })
        const said = await answer.body.text()
        if (answer.statusCode !== (method === 'GET' ? 200 : 201)) {
          failures.push(`${method} ${path}: ${answer.statusCode} ${said}`)
        }
        return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') {
          return failures.push(`${method} ${path}: ${String(error)}`)
        }
        await sleep(10)
      }
    }
    failures.push(`${method} ${path}: nobody listened for long`)
  }

  async function caller () {
    for (let i = 0; !stopping.signal.aborted; i++) {
      if (i % 4 === 0) {
        await call('POST', '/api/posts', JSON.stringify({ title: 'Rolling', content: 'on' }))
        answers.writes++
      } else {
        await call('GET', i % 4 === 1 ? '/api/posts?limit=5' : '/api/auth/me')
        answers.reads++
      }
      await sleep(5)
    }
  }
  async function prober () {
    while (!stopping.signal.aborted) {
      await Promise.all(gateways.map((gateway) => gateway.probe()))
      await sleep(PROBE_MS)
    }
  }
  const running = Promise.all([prober(), ...Array.from({ length: CALLERS }, caller)])
  return {
    failures,
    answers,
    async stop () {
      stopping.abort()
      await running
    }
  }
}

/** A request that is half sent when the gateway is told to stop. */
function slowRequest ({ port }: Gateway) {
  const body = JSON.stringify({ title: 'Rolling', content: 'slowly' })
  const socket = connect(port, '127.0.0.1')
  const head = [
    'POST /api/posts HTTP/1.1',
    'host: gateway',
    `authorization: Bearer ${ada.accessToken}`,
    'content-type: application/json',
    `content-length: ${body.length}`
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body.slice(0, 9)}`)
  const answer = text(socket)
  return {
    finish () {
      socket.write(body.slice(9))
      return answer
    }
  }
}

test('two gateways are restarted in turn under load: no request fails, none is made twice', async () => {
  const load = startLoad()
  let slow = 0
  for (const gateway of gateways) {
    await eventually(() => expect(load.answers.writes).toBeGreaterThan(20 + slow * 20), { withinMs: 20_000 })
    const upload = slowRequest(gateway)
    await sleep(100)
    const told = performance.now()
    const { child } = gateway
    child!.signal('SIGTERM')
    await eventually(async () => expect((await gateway.probe())?.status).toBe(503))
    expect((await gateway.get('/live')).status, 'it still answers while the load balancer looks away').toBe(200)
    await eventually(async () => { await expect(gateway.get('/live')).rejects.toThrow() })
    expect(await upload.finish(), 'what was under way is finished').toMatch(/^HTTP\/1\.1 201[^]*connection: close/i)
    slow++
    expect(await child!.ended).toBe('gateway ended with code 0')
    expect(performance.now() - told, 'in time for every orchestrator').toBeLessThan(25_000)
    gateway.start()
    await eventually(() => expect(gateway.ready).toBe(true), { withinMs: 30_000 })
  }
  const after = load.answers.writes
  await eventually(() => expect(load.answers.writes).toBeGreaterThan(after + 10), { withinMs: 20_000 })
  await load.stop()
  expect(load.failures).toEqual([])
  expect(await countPosts()).toBe(load.answers.writes + slow)
  await Promise.all(gateways.map(({ pool }) => pool.close()))
}, 120_000)

async function countPosts () {
  let count = 0
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await fetch(`${system.gatewayUrl}/api/posts?limit=100${cursor && `&cursor=${cursor}`}`, {
      headers: { authorization: `Bearer ${ada.accessToken}` }
    })
    const page = await answer.json() as { items: unknown[], nextCursor: string | null }
    count += page.items.length
    cursor = page.nextCursor
  }
  return count
}
