import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '@gatepost/local-stack/ports'
import { type PostgresServer, startPostgres } from '@gatepost/local-stack/postgres'
import { ensureDatabases } from '@gatepost/local-stack/postgres/databases'

const services = ['auth', 'posts']
let folder: string
let server: PostgresServer

async function start (wanted = services) {
  const [port] = await freePorts(1)
  return startPostgres({ port: port!, dataDir: join(folder, 'postgres'), services: wanted })
}

async function query (url: string, text: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatepost-postgres-'))
  chmodSync(folder, 0o700) // nobody but us gets in: PostgreSQL has to come up all the same when we are root
  server = await start()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

test('the owner makes tables and the service uses their rows, and nothing more', async () => {
  await query(server.ownerUrl('auth'), 'CREATE TABLE notes (id bigserial PRIMARY KEY, text text)')
  await query(server.serviceUrl('auth'), "INSERT INTO notes (text) VALUES ('kept')")
  await query(server.serviceUrl('auth'), "UPDATE notes SET text = 'kept' WHERE id = 1")
  for (
    const text of [
      'DROP TABLE notes',
      'ALTER TABLE notes ADD COLUMN more int',
      'CREATE TABLE mine (id int)',
      'TRUNCATE notes'
    ]
  ) {
    await expect(query(server.serviceUrl('auth'), text), text).rejects.toThrow(/must be owner|permission denied/)
  }
})

test('a service cannot reach the database of another', async () => {
  await expect(query(server.serviceUrl('posts', 'auth'), 'SELECT 1')).rejects
    .toThrow(/permission denied for database "auth"/)
  await expect(query(server.ownerUrl('posts', 'auth'), 'SELECT 1')).rejects
    .toThrow(/permission denied for database "auth"/)
})

test('a wrong password is refused', async () => {
  const url = new URL(server.serviceUrl('auth'))
  url.password = 'guess'
  await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/)
})

test('a database has its own encoding, collation and role settings, and is made once', async () => {
  const credentials = { other: "it's", other_owner: 'its' }
  for (
    const text of [
      'ALTER DATABASE template1 IS_TEMPLATE false',
      'DROP DATABASE template1',
      "CREATE DATABASE template1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' IS_TEMPLATE true"
    ]
  ) {
    await query(server.adminUrl(), text)
  }
  for (const timezone of ['Asia/Tokyo', 'UTC']) {
    await ensureDatabases({ ...server, credentials }, ['other'], { timezone, datestyle: 'ISO, MDY' })
  }
  const url = new URL(server.adminUrl('other'))
  Object.assign(url, { username: 'other', password: "it's" })
  const [made] = await query(
    url.href,
    'SELECT pg_encoding_to_char(encoding) AS encoding, datlocprovider AS provider, datlocale AS locale, ' +
    "current_setting('timezone') AS timezone FROM pg_database WHERE datname = 'other'"
  )
  expect(made).toEqual({ encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', timezone: 'UTC' })
})

test('a restart keeps the data and the passwords, also after a kill', async () => {
  const { credentials } = server
  await server.stop()
  server = await start()
  expect(server.credentials).toEqual(credentials)
  server.signal('SIGKILL')
  await server.ended
  server = await start()
  expect(await query(server.serviceUrl('auth'), 'SELECT text FROM notes')).toEqual([{ text: 'kept' }])
})

test('a service that is newer than the cluster gets a database, roles and passwords', async () => {
  const { credentials } = server
  await query(server.adminUrl(), 'CREATE ROLE order_items') // of a service that was here before
  await server.stop()
  server = await start([...services, 'order_items'])
  expect(await query(server.serviceUrl('order_items'), 'SELECT current_user::text AS name')).toEqual([
    { name: 'order_items' }
  ])
  await query(server.ownerUrl('order_items'), 'CREATE TABLE notes (id int)')
  expect(server.credentials).toEqual({
    ...credentials,
    order_items: expect.stringMatching(/^[0-9a-f]{36}$/),
    order_items_owner: expect.stringMatching(/^[0-9a-f]{36}$/)
  })
})

test('a server that outlived its supervisor is ended first', async () => {
  const leftover = server
  server = await start()
  expect(await leftover.ended).toBe('PostgreSQL ended with code 0')
})

test('a process that got the pid of a dead server is left alone, and the next server starts', async () => {
  const cluster = join(folder, 'postgres', 'cluster')
  const file = join(cluster, 'postmaster.pid')
  const noted = readFileSync(file, 'utf8')
  await server.stop()
  const { uid, gid } = statSync(cluster)
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore', uid, gid })
  try {
    writeFileSync(file, noted.replace(/^\d+/, String(stranger.pid)))
    server = await start()
    expect(await query(server.serviceUrl('auth'), 'SELECT text FROM notes')).toEqual([{ text: 'kept' }])
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null])
  } finally {
    stranger.kill('SIGKILL')
    await once(stranger, 'exit')
  }
})
