import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from '@gatepost/contracts/auth/schemas'
import { createLog } from '@gatepost/service-kit/log'
import { createRegistry } from '@gatepost/service-kit/metrics'
import { parseSettings } from '@gatepost/service-kit/settings'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { buildApp } from '../../src/app.ts'
import { settingsSchema } from '../../src/config.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import type { HashParameters } from '../../src/passwords/password-hash.ts'

export const TOKEN_SECRET = 'a secret of the tests, at least 32 bytes'
/** The cheapest hash of argon2, for tests that are not about hashing. */
export const CHEAP_HASH = { memoryCost: 8, timeCost: 1, parallelism: 1, outputLen: 32 }
export const PASSWORD = 'violet tram 92 over Dresden'

export interface Answer<Body = any> {
  status: number
  headers: Headers
  body: Body
}

export interface AuthServer {
  url: string
  mailDir: string
  database: TestDatabase
  /** The database as the service's code takes it, on connections of its own. */
  readonly store: Database
  /** SQL as the role that owns the tables. */
  sql(text: string, ...values: unknown[]): Promise<any[]>
  call(
    method: string,
    path: string,
    options?: { body?: unknown, token?: string, headers?: Record<string, string>, from?: string }
  ): Promise<Answer>
  register(
    options?: { email?: string, password?: string, displayName?: string, from?: string }
  ): Promise<Session & { email: string }>
  login(email: string, password?: string, from?: string): Promise<Answer<Session>>
  /** The text of `/metrics`. */
  metrics (): Promise<string>
  /** Stored events of one type, oldest first. */
  events (type: string): Promise<any[]>
  close (): Promise<void>
}

let people = 0

/**
 * A real auth service on a socket, with a database of its own. NATS is away unless the settings name one. Hashes are
 * cheap unless `hashParameters` say otherwise.
 */
export async function startAuth (
  settings: Record<string, string> = {},
  existing?: TestDatabase,
  hashParameters: HashParameters = CHEAP_HASH
): Promise<AuthServer> {
  const database = existing ?? await createDatabase('auth', { hostile: true })
  const mailDir = await mkdtemp(join(tmpdir(), 'gatepost-mail-'))
  const registry = createRegistry('auth')
  const app = await buildApp({
    settings: parseSettings(settingsSchema, {
      AUTH_DATABASE_URL: database.url,
      TOKEN_SECRET,
      MAIL_DIR: mailDir,
      NATS_URL: 'nats://127.0.0.1:9',
      LOG_LEVEL: 'silent',
      ...settings
    }),
    log: createLog('auth', settings.LOG_LEVEL ?? 'silent'),
    registry,
    hashParameters
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 })
  owner.on('error', () => {}) // some tests end every connection
  let store: Database | undefined

  async function call (
    method: string,
    path: string,
    { body, token, headers, from }: {
      body?: unknown
      token?: string
      headers?: Record<string, string>
      from?: string
    } = {}
  ): Promise<Answer> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...body !== undefined && { 'content-type': 'application/json' },
        ...token && { authorization: `Bearer ${token}` },
        ...from && { 'x-forwarded-for': from },
        ...headers
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
  }

  return {
    url,
    mailDir,
    database,
    get store () {
      store ??= openDatabase({ url: database.url, poolSize: 3 })
      return store
    },
    call,
    sql: async (text, ...values) => (await owner.query(text, values)).rows,
    async register (
      { email = `person${++people}@example.test`, password = PASSWORD, displayName = 'Somebody', from } = {}
    ) {
      let answer = await call('POST', '/api/auth/register', { body: { email, password, displayName }, from })
      // Hashing refuses calls when a busy machine is too slow; a client comes back.
      for (let attempt = 0; answer.status === 503 && attempt < 10; attempt++) {
        await sleep(1_000)
        answer = await call('POST', '/api/auth/register', { body: { email, password, displayName }, from })
      }
      const { status, body } = answer
      if (status !== 201) throw new Error(`register: ${status} ${JSON.stringify(body)}`)
      return { ...body, email }
    },
    login: (email, password = PASSWORD, from) => call('POST', '/api/auth/login', { body: { email, password }, from }),
    metrics: () => registry.metrics(),
    async events (type) {
      const { rows } = await owner.query('SELECT payload FROM outbox WHERE subject = $1 ORDER BY id', [
        `events.auth.${type}.v1`
      ])
      return rows.map(({ payload }) => JSON.parse(payload))
    },
    async close () {
      await app.close()
      await store?.close()
      await owner.end()
      if (!existing) await database.drop()
      await rm(mailDir, { recursive: true, force: true })
    }
  }
}
