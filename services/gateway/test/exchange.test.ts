import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Exchange, type Receiver } from '../src/upstreams/exchange.ts'
import { createUpstream, type Upstream } from '../src/upstreams/upstream.ts'
import { startUpstream, type TestUpstream } from './support/upstream.ts'

let service: TestUpstream
let upstream: Upstream
beforeAll(async () => {
  service = await startUpstream()
  service.handler = (request, response) => {
    if (request.url === '/large') response.end('x'.repeat(1_000_000))
    else if (request.url === '/half') {
      response.writeHead(200, { 'content-length': 1_000_000 }).write('x'.repeat(300_000))
    } else if (request.url !== '/slow') response.end('answer')
  }
  upstream = createUpstream({ name: 'service', urls: [service.url], log: pino({ level: 'silent' }) })
})
afterAll(async () => {
  await upstream.close()
  await service.stop()
})

function start (path: string, timeoutMs: number) {
  const call = { method: 'GET', path, headers: [], timeoutMs }
  const { promise, resolve } = Promise.withResolvers<string>()
  const receiver: Receiver = {
    onHeaders () {},
    onData: () => true,
    onEnd: () => resolve('answered'),
    onFailure: resolve
  }
  return { exchange: new Exchange(upstream, call, receiver), call, receiver, end: promise }
}

test.for([['/fast', 5_000, 'answered'], ['/slow', 50, 'timeout']] as const)(
  'when %s is over, the call keeps nothing that it needed',
  async ([path, timeoutMs, how]) => {
    const { exchange, call, receiver, end } = start(path, timeoutMs)
    expect(Object.values(exchange)).toEqual(expect.arrayContaining([call, receiver]))
    expect(await end).toBe(how)
    const kept = Object.values(exchange)
    expect(kept).not.toContain(call)
    expect(kept).not.toContain(receiver)
    expect(kept.filter((value) => typeof value === 'function')).toEqual([])
    expect(exchange).toMatchObject({ attempts: 1, instance: upstream.instances[0] }) // for the log
  }
)

test('time in which its receiver holds the answer back is not the service’s', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  let held = 0
  const exchange = new Exchange(upstream, { method: 'GET', path: '/large', headers: [], timeoutMs: 400 }, {
    onHeaders () {},
    onData () {
      if (held++ > 2) return true
      setTimeout(() => exchange.resume(), 300)
      return false
    },
    onEnd: () => resolve('answered'),
    onFailure: resolve
  })
  expect(await promise).toBe('answered')
  expect(held).toBeGreaterThan(3)
})

test('a service that stops in the middle is late, whoever held it back before', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const exchange = new Exchange(upstream, { method: 'GET', path: '/half', headers: [], timeoutMs: 300 }, {
    onHeaders () {},
    onData () {
      setTimeout(() => exchange.resume(), 100)
      return false
    },
    onEnd: () => resolve('answered'),
    onFailure: resolve
  })
  expect(await promise).toBe('timeout')
})

test('undici calls it without an object in between', () => {
  expect(Exchange.prototype).not.toHaveProperty('onRequestStart')
})
