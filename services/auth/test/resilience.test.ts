import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import pg from 'pg'
import { createDatabase } from '@gatepost/testing/database'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
afterEach(() => auth.close())

async function admin (statement: string) {
  const client = new pg.Client({ connectionString: auth.database.adminUrl.replace(/\/[^/]*$/, '/postgres') })
  await client.connect()
  await client.query(statement)
  await client.end()
}

test('without NATS auth is ready, says what is degraded, and goes on', async () => {
  auth = await startAuth()
  const { status, body } = await auth.call('GET', '/ready')
  expect(status).toBe(200)
  expect(body).toMatchObject({ status: 'degraded', checks: { postgres: { status: 'up' }, keys: { status: 'up' }, nats: { status: 'degraded' } } })
  const { accessToken } = await auth.register()
  expect((await auth.call('POST', '/api/auth/logout', { token: accessToken })).status).toBe(204)
})

test('without PostgreSQL it is not ready and answers 503 with Retry-After, and it recovers by itself', async () => {
  auth = await startAuth()
  const { email, accessToken, refreshToken } = await auth.register()
  await admin(`ALTER DATABASE ${auth.database.name} ALLOW_CONNECTIONS false`)
  await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${auth.database.name}'`)
  const answers = await Promise.all([
    auth.call('GET', '/ready'),
    auth.login(email),
    auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } }),
    auth.call('GET', '/api/auth/me', { token: accessToken }),
    auth.call('POST', '/api/auth/validate-token', { body: { token: accessToken } }),
    auth.call('POST', '/api/auth/register', { body: { email: 'x@example.test', password: PASSWORD, displayName: 'x' } }),
    auth.call('POST', '/api/auth/logout', { token: accessToken })
  ])
  expect(answers.map(({ status }) => status)).toEqual(Array(7).fill(503))
  for (const { headers, body } of answers.slice(1)) {
    expect(body.code).toBe('OVERLOADED')
    expect(headers.get('retry-after')).toBe('1')
    expect(JSON.stringify(body)).not.toMatch(/postgres|connect|127\.0/i)
  }
  expect((await auth.call('GET', '/live')).status).toBe(200)
  expect((await auth.call('GET', '/.well-known/jwks.json')).status).toBe(200)
  await admin(`ALTER DATABASE ${auth.database.name} ALLOW_CONNECTIONS true`)
  await expect.poll(async () => (await auth.call('GET', '/ready')).status, { timeout: 10_000 }).toBe(200)
  expect((await auth.login(email)).status).toBe(200)
})

test('a database that comes later than the process is waited for', async () => {
  const database = await createDatabase('auth')
  const late = { ...database, url: database.url.replace(/\/([^/]*)$/, '/$1_later') }
  auth = await startAuth({}, late)
  expect((await auth.call('GET', '/ready')).status).toBe(503)
  expect((await auth.call('GET', '/.well-known/jwks.json')).status).toBe(503)
  await admin(`ALTER DATABASE ${database.name} RENAME TO ${database.name}_later`)
  await admin(`GRANT CONNECT, TEMPORARY ON DATABASE ${database.name}_later TO auth`)
  await expect.poll(async () => (await auth.call('GET', '/ready')).status, { timeout: 15_000 }).toBe(200)
  await auth.register()
})

test('when all connections are taken requests are told to come back, and none is a fault', async () => {
  auth = await startAuth({ AUTH_DATABASE_POOL: '2' })
  const { accessToken, user } = await auth.register()
  const blocker = new pg.Client({ connectionString: auth.database.ownerUrl })
  await blocker.connect()
  await blocker.query('BEGIN')
  await blocker.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id])
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: `n${index}` } })))
  await blocker.query('ROLLBACK')
  await blocker.end()
  expect(answers.map(({ status }) => status).filter((status) => status !== 503)).toEqual([])
  await expect.poll(async () => (await auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: 'after' } })).status, { timeout: 10_000 }).toBe(200)
})

test('while every core hashes, /live answers before the logins that came first, and what is too much is 503', async () => {
  auth = await startAuth()
  const { refreshToken } = await auth.register()
  let judged = 0
  const logins = Array.from({ length: 400 }, async (_, index) => {
    const answer = await auth.login(`nobody${index}@example.test`, 'x', `198.18.${index >> 8}.${index & 255}`)
    if (answer.status === 401) judged++
    return answer
  })
  await sleep(100)
  expect((await auth.call('GET', '/live')).status).toBe(200)
  const judgedBefore = judged
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).status).toBe(200)
  const answers = await Promise.all(logins)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]))
  expect(Number(answers.find(({ status }) => status === 503)!.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  // It did not wait for the logins that came before it.
  expect(judgedBefore).toBeLessThan(judged)
}, 120_000)
