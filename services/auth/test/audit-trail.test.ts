import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { bareEnvironment } from '@gatepost/testing/environment'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTrailCheck } from '../src/audit/trail-check.ts'
import { openDatabase } from '../src/database/database.ts'
import { type AuthServer, startAuth } from './support/auth-server.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const role = `auth_${randomBytes(4).toString('hex')}`
let database: TestDatabase
let administrator: pg.Client
beforeAll(async () => {
  database = await createDatabase('auth')
  administrator = new pg.Client({ connectionString: database.adminUrl })
  await administrator.connect()
  // A role as operators make it, under a name of their own.
  await administrator.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret';
    GRANT CONNECT, TEMPORARY ON DATABASE ${database.name} TO ${role};
    GRANT USAGE ON SCHEMA public TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role};
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`)
})
afterAll(async () => {
  await administrator.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  await administrator.end()
  await database.drop()
})

async function withAuth<Result> (url: string, work: (auth: AuthServer) => Promise<Result>) {
  const auth = await startAuth({}, { ...database, url })
  try {
    return await work(auth)
  } finally {
    await auth.close()
  }
}

const trailOf = (url: string) =>
  withAuth(url, async (auth) => (await auth.call('GET', '/ready')).body.checks['audit-trail'])
function urlOf (name: string) {
  const url = new URL(database.url)
  ;[url.username, url.password] = [name, 'secret']
  return url.href
}

test('a service whose role may change the audit trail says so in its log, once', async () => {
  const warnings: string[] = []
  const connected = openDatabase({ url: urlOf(role), poolSize: 1 })
  const { check } = createTrailCheck({
    database: connected,
    log: {
      warn: (line: string) => {
        warnings.push(line)
      }
    } as never
  })
  try {
    for (let time = 0; time < 2; time++) expect(await check()).toMatchObject({ status: 'degraded' })
  } finally {
    await connected.close()
  }
  expect(warnings).toEqual([expect.stringContaining('pnpm migrate deploy auth')])
})

test('/ready names a role that may change the audit trail; a deployment takes the right from every role', async () => {
  expect(await trailOf(urlOf(role))).toMatchObject({
    status: 'degraded',
    detail: expect.stringContaining('pnpm migrate deploy auth')
  })
  expect(await trailOf(database.ownerUrl)).toMatchObject({ status: 'degraded' })
  await promisify(execFile)(process.execPath, ['scripts/migrate.ts', 'deploy', 'auth'], {
    cwd: root, env: { ...bareEnvironment, AUTH_MIGRATION_DATABASE_URL: database.ownerUrl }
  })
  expect(await trailOf(urlOf(role))).toEqual({ status: 'up' })
  for (const right of ['UPDATE (act)', 'DELETE', 'TRUNCATE']) {
    await administrator.query(`GRANT ${right} ON audit_log TO ${role}`)
    expect(await trailOf(urlOf(role)), right).toMatchObject({ status: 'degraded' })
    await administrator.query(`REVOKE ${right} ON audit_log FROM ${role}`)
  }
  const client = new pg.Client({ connectionString: urlOf(role) })
  await client.connect()
  for (const statement of ["UPDATE audit_log SET act = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
    await expect(client.query(statement)).rejects.toThrow(/permission denied/)
  }
  await client.query('SELECT FROM audit_log')
  await client.end()
  await withAuth(urlOf(role), (auth) => auth.register())
})
