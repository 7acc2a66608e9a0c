import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSystem, type System } from '@gatepost/testing/system'
import { call } from './client.ts'

let system: System
beforeAll(async () => { system = await startSystem({ env: { RATE_LIMIT_WINDOW: '30 seconds', SENSITIVE_RATE_LIMIT_MAX: '5' } }) }, 60_000)
afterAll(async () => { await system?.stop() })

test('by default ten requests of an address pass in a window, also to paths that do not exist, and every answer says so', async () => {
  const answers = []
  for (let i = 0; i < 12; i++) answers.push(await call(system.gatewayUrl, i % 2 ? 'HEAD' : 'GET', i % 3 ? '/api/posts' : '/api/nothing'))
  expect(answers.map(({ status }) => status)).toEqual([...Array(10).fill(401), 429, 429])
  for (const { headers } of answers) {
    expect(headers.get('ratelimit-policy')).toBe('"default";q=10;w=30')
    expect(headers.get('ratelimit')).toMatch(/^"default";r=\d+;t=\d+$/)
  }
  expect(answers[10]!.headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
  expect((await call(system.gatewayUrl, 'GET', '/live')).status, 'probes are not counted').toBe(200)
})
