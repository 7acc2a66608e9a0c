import { type Planner, startPlanner } from '@gatepost/testing/query-plans'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, type Database, openDatabase } from '../src/database.ts'
import { entryRepository } from '../src/feed/entry-repository.ts'

let planner: Planner<Database>
let connection: Connection

beforeAll(async () => {
  planner = await startPlanner('feed', openDatabase, [
    `INSERT INTO authors (id, display_name)
      SELECT ('01900000-0000-7000-9000-' || lpad(to_hex(i), 12, '0'))::uuid, 'Author ' || i
      FROM generate_series(0, 4999) i`,
    `INSERT INTO entries (id, author_id, title, content, created_at)
      SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid,
        ('01900000-0000-7000-9000-' || lpad(to_hex(i % 5000), 12, '0'))::uuid, 'number ' || i, 'text', now()
      FROM generate_series(1, 60000) i`,
    'ANALYZE authors',
    'ANALYZE entries'
  ])
  connection = new Proxy(planner.database.connection, {
    get: (target, name) => name !== '$executeRaw'
      ? Reflect.get(target, name)
      : (strings: readonly string[], ...values: unknown[]) => {
          planner.note(strings.reduce((text, part, i) => `${text}$${i}${part}`), values)
          return target.$executeRaw(strings as never, ...values)
        }
  })
})
afterAll(() => planner?.stop())

test('a page is read off the primary keys of entries and authors, without a sort, wherever it is', async () => {
  for (const before of [undefined, '01900000-0000-7000-8000-000000009876']) {
    await entryRepository.list(planner.sql, { before, limit: 21 })
    for (const nodes of await planner.plans()) {
      expect(nodes).toContain('Index Scan entries_pkey')
      expect(nodes).toContain('Index Scan authors_pkey')
      expect(nodes.filter((node) => /Sort|Seq Scan|Hash/.test(node))).toEqual([])
    }
  }
})

test('the entries of an author are found by their index', async () => {
  await entryRepository.deleteSome(connection, '01900000-0000-7000-9000-000000000007', 500)
  const nodes = await planner.plan()
  expect(nodes.some((node) => node.includes('entries_author_id_idx'))).toBe(true)
  expect(nodes.filter((node) => node.startsWith('Seq Scan'))).toEqual([])
})
