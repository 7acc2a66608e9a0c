import { databaseProblem } from '@gatepost/service-kit/database-problem'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, type Database, openDatabase } from '../src/database/database.ts'
import { secretRepository } from '../src/database/secret-repository.ts'

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

const touch = (tx: Connection, name: string) => tx.secret.update({ where: { name }, data: { value: new Uint8Array(2) } })

test('of two transactions that lock each other out, both succeed in the end', async () => {
  const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  let attempts = 0
  const cross = (mine: 0 | 1, first: string, second: string) => database.transaction(async (tx) => {
    attempts++
    await touch(tx, first)
    met[mine].resolve()
    await met[1 - mine]!.promise
    await touch(tx, second)
    return mine
  })
  expect(await Promise.all([cross(0, 'a', 'b'), cross(1, 'b', 'a')])).toEqual([0, 1])
  expect(attempts).toBeGreaterThan(2)
})

test.each(['40001', '40P01'])('work that PostgreSQL refuses with %s is done again, a few times, and is then 503', async (code) => {
  let left = 2
  const refused = (tx: Connection) => tx.$executeRawUnsafe(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '${code}'; END $$`)
  expect(await database.transaction(async (tx) => left-- > 0 ? refused(tx) : 'done')).toBe('done')
  const error = await database.transaction(refused).catch((error: unknown) => error)
  expect(databaseProblem(error)).toMatchObject({ code: 'OVERLOADED', headers: { 'retry-after': '1' } })
})

test('what is no conflict is not done again, and is no overload', async () => {
  let attempts = 0
  const error = await database.transaction((tx) => {
    attempts++
    return tx.$executeRawUnsafe('SELECT 1/0')
  }).catch((error: unknown) => error)
  expect(attempts).toBe(1)
  expect(databaseProblem(error)).toBeUndefined()
})

test('replicas that ask for a secret at the same moment get the same one', async () => {
  const others = Array.from({ length: 4 }, () => openDatabase({ url: server.url, poolSize: 1 }))
  const secrets = await Promise.all(others.map(({ connection }) => secretRepository.find(connection, 'shared')))
  await Promise.all(others.map((other) => other.close()))
  expect(secrets[0]).toHaveLength(32)
  expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1)
})
