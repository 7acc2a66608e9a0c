import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startSystem, type System } from '@gatepost/testing/system'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { call, register, type Account } from './e2e/client.ts'

let system: System
beforeAll(async () => { system = await startSystem({ env: { RATE_LIMIT_MAX: '1000' } }) }, 60_000)
afterAll(() => system?.stop())

async function events (...args: string[]) {
  const env: Record<string, string | undefined> = { ...process.env, NATS_URL: system.brokerUrl('provisioner') }
  for (const name of ['auth', 'posts', 'feed'] as const) env[`${name.toUpperCase()}_DATABASE_URL`] = system.databaseUrl(name)
  return (await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../scripts/events.ts', import.meta.url)), ...args], { env })).stdout
}

const feedOf = async ({ accessToken: token }: Account) => (await call(system.gatewayUrl, 'GET', '/api/feed', { token })).body.items

test('a feed that lost everything is rebuilt from zero by replaying the stream, and then equals the posts', async () => {
  const ada = await register(system.gatewayUrl, 'Ada')
  for (const title of ['one', 'two', 'three']) await call(system.gatewayUrl, 'POST', '/api/posts', { token: ada.accessToken, body: { title, content: 'text' } })
  await vi.waitFor(async () => expect(await feedOf(ada)).toHaveLength(3), { timeout: 10_000 })
  const before = await feedOf(ada)

  const database = new pg.Client({ connectionString: system.databaseUrl('feed') })
  await database.connect()
  for (const table of ['entries', 'authors', 'inbox']) await database.query(`DELETE FROM ${table}`)
  await database.end()
  expect(await feedOf(ada)).toEqual([])

  await events('replay', '--consumer', 'feed-users', '--from', '1')
  await events('replay', '--consumer', 'feed-posts', '--from', '1')
  await vi.waitFor(async () => expect(await feedOf(ada)).toEqual(before), { timeout: 10_000 })
  expect(await events('audit')).toContain('unreconciled: 0')
})
