import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseOwners } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { deploy } from '../../scripts/migrate/deploy.ts'
import { makeMigration } from '../../scripts/migrate/make.ts'
import { applyMigrations } from '../../scripts/migrate/schema-engine.ts'
import { schemaFolder } from '../../scripts/prisma.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const SERVICES = databaseOwners.map(({ name }) => name)
const folder = mkdtempSync(join(tmpdir(), 'gatepost-migrations-'))
let database: TestDatabase

beforeAll(async () => { database = await createDatabase('posts') })
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await database.drop()
})

/** Makes a migration in a copy of the service's folder. */
async function migrationOf (service: ServiceName, addition = '') {
  const copy = mkdtempSync(join(folder, `${service}-`))
  cpSync(schemaFolder(service), copy, { recursive: true })
  const schema = join(copy, 'schema.prisma')
  writeFileSync(schema, readFileSync(schema, 'utf8') + addition)
  return makeMigration(service, 'Add a probe', { folder: copy, databaseUrl: database.adminUrl })
}

test.each(SERVICES)('the migrations of %s make what its schema says', async (service) => {
  expect(await migrationOf(service)).toBeUndefined()
}, 60_000)

test('a changed schema becomes a migration of that change alone', async () => {
  const file = await migrationOf('posts', '\nmodel Probe {\n  id Int @id\n\n  @@map("probes")\n}\n')
  expect(file).toMatch(/\/migrations\/\d{14}_add_a_probe\/migration\.sql$/)
  expect(readFileSync(file!, 'utf8').match(/^(CREATE|ALTER|DROP).*$/gm)).toEqual(['CREATE TABLE "probes" ('])
}, 60_000)

test('a migration that fails says which, where and why', async () => {
  const copy = mkdtempSync(join(folder, 'broken-'))
  cpSync(schemaFolder('posts'), copy, { recursive: true })
  const migration = join(copy, 'migrations', '99990101000000_broken')
  mkdirSync(migration)
  writeFileSync(join(migration, 'migration.sql'), 'ALTER TABLE nothing ADD COLUMN x int;')
  await expect(applyMigrations(copy, database.adminUrl)).rejects
    .toThrow(/No such table: nothing[^]*99990101000000_broken/)
})

test('a migration means the same whatever the role of the owner has set, and is refused behind a pooler', async () => {
  const copy = mkdtempSync(join(folder, 'hostile-'))
  cpSync(schemaFolder('posts'), copy, { recursive: true })
  const migration = join(copy, 'migrations', '99990101000000_hostile')
  mkdirSync(migration)
  writeFileSync(join(migration, 'migration.sql'), 'CREATE TABLE "hostile" AS SELECT now() AS at; SELECT pg_sleep(0.1);')
  await sql(
    database.adminUrl,
    ['search_path = pg_catalog', "statement_timeout = '10ms'", "datestyle = 'German'"].map((setting) =>
      `ALTER ROLE posts_owner IN DATABASE ${database.name} SET ${setting}`
    ).join(';')
  )
  await sql(database.adminUrl, 'DELETE FROM _prisma_migrations WHERE finished_at IS NULL') // of the test before
  await applyMigrations(copy, database.ownerUrl)
  expect(await sql(database.adminUrl, "SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = 'hostile'"))
    .toHaveLength(1)
  await expect(deploy('posts', `${database.ownerUrl}?pgbouncer=true`)).rejects
    .toThrow('POSTS_MIGRATION_DATABASE_URL leads to PostgreSQL itself')
})

async function sql (url: string, text: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return (await client.query(text).finally(() => client.end())).rows
}

/** What the processes of the release before cannot live with; they run on while a new one is rolled out. */
const BREAKING = [
  /\bDROP (TABLE|COLUMN)\b/i,
  /\bRENAME\b/i,
  /\bALTER COLUMN \S+ (SET NOT NULL|(SET DATA )?TYPE)\b/i,
  /\bADD COLUMN(?![^,;]*\bDEFAULT\b)[^,;]*\bNOT NULL\b/i,
  /\bALTER TYPE \S+ RENAME\b/i
]
const breaksIn = (sql: string) =>
  sql.replace(/^\s*--.*$/gm, '').split(';').filter((statement) => BREAKING.some((pattern) => pattern.test(statement)))

test('a migration takes nothing away from the release before', () => {
  const files = globSync('prisma/*/migrations/*/migration.sql', { cwd: root })
  expect(files.length).toBeGreaterThan(15)
  const breaking = files.flatMap((file) =>
    breaksIn(readFileSync(join(root, file), 'utf8')).map((statement) => `${file}: ${statement.trim()}`)
  )
  expect(breaking, 'two releases: the first no longer uses it, the second takes it away').toEqual([])
})

test.each([
  'ALTER TABLE "posts" DROP COLUMN "title"',
  'ALTER TABLE "posts" RENAME COLUMN "title" TO "headline"',
  'ALTER TABLE "posts" ADD COLUMN "mood" TEXT NOT NULL',
  'ALTER TABLE "posts" ALTER COLUMN "title" TYPE VARCHAR(10)',
  'ALTER TABLE "posts" ALTER COLUMN "title" SET NOT NULL',
  'DROP TABLE "posts"'
])('%s is seen', (statement) => {
  expect(breaksIn(`-- a reason\nCREATE TABLE "a" ("b" TEXT NOT NULL);\n${statement};`)).toHaveLength(1)
})
