import { databaseProblem, isDatabaseAway } from '@gatepost/service-kit/database-problem'
import { type Sql, sqlOf } from '@gatepost/service-kit/sql'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../src/database.ts'

/**
 * Full disk, no memory, too many connections, read-only, shut down, starting up, broken connections, a disk that fails.
 */
const AWAY = [
  '53100',
  '53200',
  '53300',
  '25006',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '58030'
]
/** A statement, a lock and a rest that took too long. */
const SLOW = ['57014', '55P03', '25P03']

let server: TestDatabase
let database: Database
beforeAll(async () => {
  server = await createDatabase('posts')
  database = openDatabase({ url: server.url, poolSize: 4 })
  await database.connection.secret.createMany({ data: ['a', 'b'].map((name) => ({ name, value: new Uint8Array(1) })) })
})
afterAll(async () => {
  await database?.close()
  await server?.drop()
})

/** The two ways to make a transaction; they keep the same promises. */
const ways = [
  ['through Prisma', (work) => database.transaction((tx) => work(sqlOf(tx)))],
  ['past Prisma', (work) => database.sqlTransaction(work)]
] satisfies Array<[string, Database['sqlTransaction']]>

const touch = (sql: Sql, name: string) =>
  sql.query("UPDATE secrets SET value = '\\x02'::bytea WHERE name = $1::text", [name])
const refuse = (sql: Sql, code: string) =>
  sql.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '${code}'; END $$`)

describe.each(ways)('%s', (_way, transaction) => {
  test('of two transactions that lock each other out, both succeed in the end', async () => {
    const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
    let attempts = 0
    const cross = (mine: 0 | 1, first: string, second: string) => transaction(async (sql) => {
      attempts++
      await touch(sql, first)
      met[mine].resolve()
      await met[1 - mine]!.promise
      await touch(sql, second)
      return mine
    })
    expect(await Promise.all([cross(0, 'a', 'b'), cross(1, 'b', 'a')])).toEqual([0, 1])
    expect(attempts).toBeGreaterThan(2)
  })

  test.each(['40001', '40P01'])(
    'work that PostgreSQL refuses with %s is done again, a few times, and is then 503',
    async (code) => {
      let left = 2
      expect(await transaction(async (sql) => left-- > 0 ? refuse(sql, code) : 'done')).toBe('done')
      const error = await transaction((sql) => refuse(sql, code)).catch((error: unknown) => error)
      expect(databaseProblem(error)).toMatchObject({ code: 'OVERLOADED', headers: { 'retry-after': '1' } })
    }
  )

  test.each([...AWAY, ...SLOW])('work that PostgreSQL refuses with %s is 503', async (code) => {
    const error = await transaction((sql) => refuse(sql, code)).catch((error: unknown) => error)
    expect(databaseProblem(error)).toMatchObject({ code: 'OVERLOADED', headers: { 'retry-after': '1' } })
    expect(isDatabaseAway(error)).toBe(AWAY.includes(code))
  })

  test.each(['23505', '42501', '42703', '22P02', 'XX000'])(
    'work that PostgreSQL refuses with %s is a fault',
    async (code) => {
      const error = await transaction((sql) => refuse(sql, code)).catch((error: unknown) => error)
      expect([databaseProblem(error), isDatabaseAway(error)]).toEqual([undefined, false])
    }
  )

  test('what is no conflict is not done again, is no overload, and leaves nothing', async () => {
    let attempts = 0
    const error = await transaction(async (sql) => {
      attempts++
      await sql.query("INSERT INTO secrets (name, value) VALUES ('undone', '')")
      return sql.query('SELECT 1/0')
    }).catch((error: unknown) => error)
    expect(attempts).toBe(1)
    expect(databaseProblem(error)).toBeUndefined()
    expect(await database.sql.query("SELECT FROM secrets WHERE name = 'undone'")).toEqual([])
  })

  test('a connection that is cut in the middle is 503, and no later transaction gets it', async () => {
    const cut = () =>
      transaction(async (sql) => {
        await touch(sql, 'a')
        return sql.query('SELECT pg_terminate_backend(pg_backend_pid())')
      }).catch((error: unknown) => error)
    expect((await Promise.all(Array.from({ length: 4 }, cut))).map(databaseProblem))
      .toEqual(Array(4).fill(expect.objectContaining({ code: 'OVERLOADED' })))
    expect(await Promise.all(Array.from({ length: 8 }, () =>
      transaction(async (sql) => (await touch(sql, 'b')).length)))).toEqual(Array(8).fill(0))
  })
})
