import { sqlOfPool } from '@gatepost/service-kit/sql'
import { createDatabase } from '@gatepost/testing/database'
import pg from 'pg'
import { expect, test } from 'vitest'
import { secretRepository } from '../src/secret-repository.ts'

test('replicas that ask for a secret at the same moment get the same one', async () => {
  const database = await createDatabase('posts')
  const pools = Array.from({ length: 4 }, () => new pg.Pool({ connectionString: database.url, max: 1 }))
  const secrets = await Promise.all(pools.map((pool) => secretRepository.find(sqlOfPool(pool), 'shared')))
  await Promise.all(pools.map((pool) => pool.end()))
  await database.drop()
  expect(secrets[0]).toHaveLength(32)
  expect(new Set(secrets.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1)
})
