import { createLog } from '@gatepost/service-kit/log'
import { SESSION_SETTINGS, sessionConfig } from '@gatepost/service-kit/database-session'
import { parseSettings } from '@gatepost/service-kit/settings'
import { createStatementNames, PLAN_EACH_TIME } from '@gatepost/service-kit/statement-names'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { settingsSchema } from '../src/config.ts'

let database: TestDatabase
beforeEach(async () => { database = await createDatabase('posts') })
afterEach(() => database.drop())

async function asAdmin (...statements: string[]) {
  const admin = new pg.Client({ connectionString: database.adminUrl })
  await admin.connect()
  try {
    for (const statement of statements) await admin.query(statement)
  } finally {
    await admin.end()
  }
}

async function settingsOf (url: string, more: object = {}) {
  const client = new pg.Client(sessionConfig({ url, name: 'test', ...more }))
  await client.connect()
  try {
    const { rows } = await client.query(
      'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name',
      [Object.keys(SESSION_SETTINGS)]
    )
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))
  } finally {
    await client.end()
  }
}

const start = (url: string) =>
  buildApp({
    settings: parseSettings(settingsSchema, { POSTS_DATABASE_URL: url, NATS_URL: 'nats://127.0.0.1:1' }),
    log: createLog('posts', 'silent'),
    registry: new Registry()
  })

test('a session has the settings that we rely on, whatever role, database and URL say', async () => {
  await asAdmin(...Object.entries({
    timezone: 'America/Los_Angeles',
    datestyle: 'German',
    search_path: 'pg_catalog',
    statement_timeout: '1ms',
    lock_timeout: '1ms'
  })
    .map(([name, value]) => `ALTER ROLE posts IN DATABASE ${database.name} SET ${name} = '${value}'`))
  expect(await settingsOf(database.url)).toEqual(SESSION_SETTINGS)
  expect(await settingsOf(`${database.url}?options=${encodeURIComponent('-c timezone=Asia/Tokyo')}`))
    .toEqual(SESSION_SETTINGS)
  expect(await settingsOf(database.url, { statementTimeoutMs: 60_000 })).toEqual({
    ...SESSION_SETTINGS,
    statement_timeout: '1min'
  })
})

test('a statement without a timeout takes as long as it takes, on both sides', async () => {
  const client = new pg.Client(sessionConfig({ url: database.url, name: 'test', statementTimeoutMs: 0 }))
  await client.connect()
  try {
    expect((await client.query('SELECT 1 AS one FROM pg_sleep(1.1)')).rows).toEqual([{ one: 1 }])
  } finally {
    await client.end()
  }
})

test('two processes give equal statements equal names in whatever order; behind a pooler none has a name', () => {
  const [one, other] = [createStatementNames(database.url), createStatementNames(database.url)]
  const texts = ['SELECT 1', 'SELECT 2', 'SELECT 3']
  const names = texts.map((sql) => one({ sql }))
  expect(texts.toReversed().map((sql) => other({ sql }))).toEqual(names.toReversed())
  expect(new Set(names).size).toBe(3)
  for (const name of names) expect(name).toMatch(/^[\w-]{32}$/)
  expect(one({ sql: `${PLAN_EACH_TIME} SELECT 1` })).toBe('')
  expect(createStatementNames(`${database.url}?pgbouncer=true`)({ sql: 'SELECT 1' })).toBe('')
})

test('the start is refused where the encoding is another, with the remedy', async () => {
  const name = `${database.name}_latin1`
  await asAdmin(
    `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`,
    `GRANT CONNECT ON DATABASE ${name} TO posts`
  )
  try {
    await expect(start(database.url.replace(database.name, name)).then((app) => app.close())).rejects
      .toThrow(`${name} has the encoding LATIN1 and needs UTF8`)
  } finally {
    await asAdmin(`DROP DATABASE ${name} WITH (FORCE)`)
  }
})

test('behind a pooler the start is refused until the role has the settings that the message names', async () => {
  const pooled = `${database.url}?pgbouncer=true`
  const refusal = await start(pooled).then(() => '', (error: Error) => error.message)
  expect(refusal).toMatch(/statement_timeout.* differ; run/)
  await asAdmin(refusal.slice(refusal.indexOf('ALTER ROLE')))
  const app = await start(pooled)
  await app.close()
})
