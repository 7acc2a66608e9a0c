import type { Sql } from '@gatepost/service-kit/sql'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { planOf } from '@gatepost/testing/query-plans'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, type Database, openDatabase } from '../src/database.ts'
import { entryRepository } from '../src/feed/entry-repository.ts'

let database: TestDatabase
let prisma: Database
let connection: Connection
let sql: Sql
let last: { statement: string, values: unknown[] }

beforeAll(async () => {
  database = await createDatabase('feed')
  const client = new pg.Client({ connectionString: database.ownerUrl })
  await client.connect()
  await client
    .query(`INSERT INTO authors (id, display_name)
      SELECT ('01900000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, 'Author ' || i
      FROM generate_series(0, 4999) i`)
  await client.query(`INSERT INTO entries (id, author_id, title, content, created_at)
    SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
      ('01900000-0000-7000-9000-' || lpad(to_hex(i % 5000), 12, '0'))::uuid, 'number ' || i, 'text', now()
    FROM generate_series(1, 60000) i`)
  await client.query('ANALYZE authors')
  await client.query('ANALYZE entries')
  await client.end()
  prisma = openDatabase({ url: database.url, poolSize: 1 })
  sql = {
    query (statement, values = []) {
      last = { statement, values: [...values] }
      return prisma.sql.query(statement, values)
    }
  }
  connection = new Proxy(prisma.connection, {
    get: (target, name) => name !== '$executeRaw'
      ? Reflect.get(target, name)
      : (strings: readonly string[], ...values: unknown[]) => {
          last = { statement: strings.reduce((text, part, i) => `${text}$${i}${part}`), values }
          return target.$executeRaw(strings as never, ...values)
        }
  })
})
afterAll(async () => {
  await prisma?.close()
  await database?.drop()
})

test('a page is read off the primary keys of entries and authors, without a sort, wherever it is', async () => {
  for (const before of [undefined, '01900000-0000-7000-8000-000000009876']) {
    await entryRepository.list(sql, { before, limit: 21 })
    for (
      const nodes of [
        await planOf(database.url, last.statement, last.values),
        await planOf(database.url, last.statement, 'generic')
      ]
    ) {
      expect(nodes).toContain('Index Scan entries_pkey')
      expect(nodes).toContain('Index Scan authors_pkey')
      expect(nodes.filter((node) => /Sort|Seq Scan|Hash/.test(node))).toEqual([])
    }
  }
})

test('the entries of an author are found by their index', async () => {
  await entryRepository.deleteSome(connection, '01900000-0000-7000-9000-000000000007', 500)
  const nodes = await planOf(database.url, last.statement, last.values)
  expect(nodes.some((node) => node.includes('entries_author_id_idx'))).toBe(true)
  expect(nodes.filter((node) => node.startsWith('Seq Scan'))).toEqual([])
})
