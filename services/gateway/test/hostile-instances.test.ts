import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { eventually } from '@gatepost/testing/eventually'
import { createRandom } from '@gatepost/testing/random'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Exchange } from '../src/upstreams/exchange.ts'
import { createUpstream, type Upstream } from '../src/upstreams/upstream.ts'

const head = (status: number, length: number) =>
  `HTTP/1.1 ${status} Any\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`
const GOOD = `${head(200, 2)}{}`
const random = createRandom(20)

/** What an instance may do with a request. */
const behaviours: Record<string, (socket: Socket) => void> = {
  good: (socket) => { socket.write(GOOD) },
  fails: (socket) => { socket.write(`${head(500, 2)}{}`) },
  hangs: () => {},
  resets: (socket) => {
    socket.resetAndDestroy()
  },
  leaves: (socket) => {
    socket.end()
  },
  'half a head': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-le')
  },
  'half a head, then resets': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-le', () => {
      socket.resetAndDestroy()
    })
  },
  'head, then resets': (socket) => {
    socket.write(head(200, 2), () => {
      socket.resetAndDestroy()
    })
  },
  'less than it says': (socket) => {
    socket.end(`${head(200, 100)}{}`)
  },
  'more than it says': (socket) => {
    socket.write(`${GOOD}garbage`)
  },
  'two answers': (socket) => {
    socket.write(GOOD + GOOD)
  },
  garbage: (socket) => {
    socket.write('SSH-2.0-OpenSSH\r\n\r\n')
  },
  'good, then leaves': (socket) => {
    socket.end(GOOD)
  },
  'no body with a length': (socket) => {
    socket.write(head(204, 5))
  },
  'interim answers': (socket) => {
    socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${GOOD}`)
  }
}

const arrivals = new Map<string, number>()
let servers: Server[]
let upstream: Upstream
beforeAll(async () => {
  servers = Array.from({ length: 3 }, () => createServer((socket) => {
    let text = ''
    socket.on('error', () => {}).on('data', (chunk) => {
      text += chunk
      if (!text.includes('\r\n\r\n')) return
      const [method, path] = text.split(' ', 2) as [string, string]
      text = ''
      if (path === '/live') return behaviours.good!(socket)
      arrivals.set(`${method} ${path}`, (arrivals.get(`${method} ${path}`) ?? 0) + 1)
      random.pick(Object.values(behaviours))(socket)
    })
  }).listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  upstream = createUpstream({ name: 'posts', urls, log: pino({ level: 'silent' }), connectionAgeMs: 300 })
})
afterAll(async () => {
  await upstream.close()
  for (const server of servers) server.close()
})

/** How the call ended, each time that it was told. */
function call (method: string, path: string) {
  const ends: string[] = []
  const { promise: end, resolve } = Promise.withResolvers<void>()
  const settle = (how: string) => {
    ends.push(how)
    resolve()
  }
  const exchange = new Exchange(upstream, { method, path, headers: [], timeoutMs: 100 }, {
    onHeaders () {},
    onData: () => true,
    onEnd: () => settle('answered'),
    onFailure: settle
  })
  return { ends, end, exchange }
}

test('whatever instances do, each call ends once, no write is made twice, and nothing is left of them', async () => {
  const ends: Record<string, number> = {}
  let id = 0
  await Promise.all(Array.from({ length: 12 }, async () => {
    for (let i = 0; i < 60; i++) {
      const { ends: told, end, exchange } = call(random.pick(['GET', 'POST']), `/${++id}`)
      if (random.below(10) === 0) {
        setTimeout(() => exchange.cancel(), random.below(20))
        await Promise.race([end, new Promise((resolve) => { setTimeout(resolve, 30) })])
        expect(told.length).toBeLessThanOrEqual(1)
      } else {
        await end
        expect(told).toHaveLength(1)
      }
      ends[told[0] ?? 'cancelled'] = (ends[told[0] ?? 'cancelled'] ?? 0) + 1
    }
  }))
  expect(Object.keys(ends)).toEqual(expect.arrayContaining(['answered', 'broken', 'timeout', 'cancelled']))
  const writes = [...arrivals].filter(([name]) => name.startsWith('POST'))
  expect(writes.length).toBeGreaterThan(100)
  expect(writes.filter(([, times]) => times > 1)).toEqual([])
  const reads = [...arrivals].filter(([name]) => name.startsWith('GET')).map(([, times]) => times)
  expect(reads.reduce((sum, times) => sum + times, 0) - reads.length, 'repeats').toBeLessThanOrEqual(3 + id / 10)
  await eventually(() => expect(upstream.instances.map(({ inFlight }) => inFlight)).toEqual([0, 0, 0]))
  expect(upstream.instances.filter(({ ejectedUntil }) => ejectedUntil > performance.now()).length, 'at most half')
    .toBeLessThanOrEqual(1)
})

test('a call that is cancelled between two attempts makes no other', async () => {
  const refusing = createServer().listen(0, '127.0.0.1')
  await once(refusing, 'listening')
  const { port } = refusing.address() as AddressInfo
  refusing.close()
  const lonely = createUpstream({ name: 'nobody', urls: [`http://127.0.0.1:${port}`], log: pino({ level: 'silent' }) })
  const told: string[] = []
  const exchange = new Exchange(lonely, { method: 'POST', path: '/', headers: [], timeoutMs: 5_000 }, {
    onHeaders () {},
    onData: () => true,
    onEnd: () => {
      told.push('answered')
    },
    onFailure: (failure) => {
      told.push(failure)
    }
  })
  await eventually(() => expect(lonely.tally.repeats).toBeGreaterThan(0))
  exchange.cancel()
  const { attempts } = exchange
  await new Promise((resolve) => { setTimeout(resolve, 300) })
  expect([told, exchange.attempts, lonely.instances[0]!.inFlight]).toEqual([[], attempts, 0])
  await lonely.close()
})
