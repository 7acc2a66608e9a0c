import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { HASH_PARAMETERS } from '../src/passwords/password-hash.ts'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
afterEach(() => auth.close())

async function admin (statement: string) {
  const client = new pg.Client({ connectionString: auth.database.adminUrl.replace(/\/[^/]*$/, '/postgres') })
  await client.connect()
  await client.query(statement)
  await client.end()
}

test('without NATS auth is ready, names what is degraded, and goes on', async () => {
  auth = await startAuth()
  const { status, body } = await auth.call('GET', '/ready')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    status: 'degraded',
    checks: { postgres: { status: 'up' }, keys: { status: 'up' }, nats: { status: 'degraded' } }
  })
  const { accessToken } = await auth.register()
  expect((await auth.call('POST', '/api/auth/logout', { token: accessToken })).status).toBe(204)
})

test('without PostgreSQL auth is not ready, answers 503 with Retry-After, and recovers by itself', async () => {
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
    auth.call('POST', '/api/auth/register', {
      body: { email: 'x@example.test', password: PASSWORD, displayName: 'x' }
    }),
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

test('auth waits for a database that starts later than itself', async () => {
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

/**
 * A proxy before PostgreSQL: one packet brings the answer that ends a login and the message that ends the connection.
 */
async function startCuttingProxy (port: number) {
  const [ready, text] = [
    Buffer.from('Z\0\0\0\x05I', 'latin1'),
    'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  ]
  const fatal = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), Buffer.from(text)])
  fatal.writeUInt32BE(text.length + 4, 1)
  const proxy = { port: 0, cutting: false, cuts: 0, close: () => { server.close() } }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      socket.on('error', () => {}).on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream)
    upstream.on('data', (chunk) => {
      if (!proxy.cutting || !chunk.includes(ready)) return client.write(chunk)
      proxy.cuts++
      return client.end(Buffer.concat([chunk, fatal]))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.port = (server.address() as AddressInfo).port
  return proxy
}

test('a connection that is cut at once is a 503, and does not end the process', async () => {
  const database = await createDatabase('auth')
  const url = new URL(database.url)
  const proxy = await startCuttingProxy(Number(url.port))
  url.port = String(proxy.port)
  auth = await startAuth({}, { ...database, url: url.href })
  const ask = () => auth.call('POST', '/api/auth/forgot-password', { body: { email: 'nobody@example.test' } })
  proxy.cutting = true
  await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = '${database.name}' AND usename = 'auth'`)
  await Promise.all(Array.from({ length: 20 }, ask))
  await expect.poll(ask, { timeout: 10_000 }).toMatchObject({ status: 503, body: { code: 'OVERLOADED' } })
  proxy.cutting = false
  await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(202)
  expect(proxy.cuts).toBeGreaterThan(5)
  proxy.close()
})

test('requests are 503 with Retry-After while all connections are taken, and none is a fault', async () => {
  auth = await startAuth({ AUTH_DATABASE_POOL: '2' })
  const { accessToken, user } = await auth.register()
  const blocker = new pg.Client({ connectionString: auth.database.ownerUrl })
  await blocker.connect()
  await blocker.query('BEGIN')
  await blocker.query('SELECT 1 FROM users WHERE id = $1 FOR UPDATE', [user.id])
  const answers = await Promise
    .all(Array.from(
      { length: 12 },
      (_, index) => auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: `n${index}` } })
    ))
  await blocker.query('ROLLBACK')
  await blocker.end()
  expect(answers.map(({ status }) => status).filter((status) => status !== 503)).toEqual([])
  await expect.poll(
    async () =>
      (await auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: 'after' } })).status,
    { timeout: 10_000 }
  ).toBe(200)
})

test(
  'while every core hashes, /live answers before earlier logins, and logins beyond the queue are 503',
  async () => {
    auth = await startAuth({}, undefined, HASH_PARAMETERS)
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
    // The request did not wait for the logins before it.
    expect(judgedBefore).toBeLessThan(judged)
  },
  120_000
)
