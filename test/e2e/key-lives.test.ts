import { setTimeout as sleep } from 'node:timers/promises'
import { startSystem, type System } from '@gatepost/testing/system'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register } from './client.ts'
import { prepareSecond, type SecondProcess } from './second-process.ts'

// KEY_CALLS=10000 KEY_SECONDS=600 KEY_TOKEN_TTL=600 is the run of ten minutes; here time is compressed.
const CALLS = Number(process.env.KEY_CALLS ?? 600)
const SECONDS = Number(process.env.KEY_SECONDS ?? 11)
const TTL = Number(process.env.KEY_TOKEN_TTL ?? 5)
/** The part of a token's life for which a gateway holds it at least: it lets go of the last tenth, at most 5 s. */
const HELD_SECONDS = TTL - Math.min(5, TTL / 10)

const env = { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '100000', ACCESS_TOKEN_TTL: String(TTL) }
let system: System
let second: SecondProcess
beforeAll(async () => {
  system = await startSystem({ env })
  second = await prepareSecond(system, 'gateway', { env })
  second.start()
  await second.ready()
}, 60_000)
afterAll(async () => {
  await second?.kill()
  await system?.stop()
})

async function exchanged (opsUrl: string) {
  const { body } = await call(opsUrl, 'GET', '/metrics')
  return Number(/^gatepost_key_exchanges_total\{.*?outcome="exchanged".*?\} (\d+)$/m.exec(body)![1])
}

test('calls with one key cost a gateway one exchange a token life, and none is refused when a token dies', async () => {
  const { accessToken } = await register(system.gatewayUrl, 'Ada')
  const { body: { key } } = await call(system.gatewayUrl, 'POST', '/api/auth/keys', {
    token: accessToken,
    body: { name: 'A program' }
  })
  const gateways = [
    { url: system.gatewayUrl, ops: `http://127.0.0.1:${system.ports.gatewayOps}` },
    { url: second.url, ops: second.opsUrl }
  ]
  const began = performance.now()
  const statuses = new Map<number, number>()
  for (let made = 0; made < CALLS; made += 2) {
    const due = began + made / CALLS * SECONDS * 1000
    if (due > performance.now()) await sleep(due - performance.now())
    const answers = await Promise.all(gateways.map(({ url }) => call(url, 'GET', '/api/feed', { token: key })))
    for (const { status } of answers) {
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  const lives = Math.ceil((performance.now() - began) / 1000 / HELD_SECONDS)
  const counts = await Promise.all(gateways.map(({ ops }) => exchanged(ops)))
  process.stdout.write(`${CALLS} calls at two gateways in ${lives} token lives: ${counts.join(' and ')} exchanges.\n`)
  expect([...statuses]).toEqual([[200, CALLS]])
  for (const count of counts) expect(count).toBeLessThanOrEqual(lives)
}, (SECONDS + 120) * 1000)
