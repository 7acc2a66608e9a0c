import { SESSION_SETTINGS } from '@gatepost/service-kit/database-session'
import { createLog } from '@gatepost/service-kit/log'
import { parseSettings } from '@gatepost/service-kit/settings'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { type Pooler, startPooler } from '@gatepost/testing/pooler'
import pg from 'pg'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { buildApp } from '../src/app.ts'
import { settingsSchema } from '../src/config.ts'
import { anybody, startPosts } from './support/posts-server.ts'

const modes = ['transaction', 'session'] as const
let database: TestDatabase
let nats: TestBroker
let poolers: Record<typeof modes[number] | 'heedless', Pooler>
beforeAll(async () => {
  ;[database, nats] = await Promise.all([createDatabase('posts', { roleSettings: SESSION_SETTINGS }), startBroker()])
  poolers = {
    transaction: await startPooler({ mode: 'transaction' }),
    session: await startPooler({ mode: 'session' }),
    heedless: await startPooler({
      mode: 'transaction',
      settings: ['ignore_startup_parameters = options,extra_float_digits']
    })
  }
})
afterAll(async () => {
  await Promise.all(Object.values(poolers).map((pooler) => pooler.stop()))
  await nats.stop()
  await database.drop()
})

const startAt = (url: string) => startPosts({ broker: nats, env: { POSTS_DATABASE_URL: url } })

test.each(['transaction', 'session', 'heedless'] as const)(
  'a pooler that the URL does not declare is refused with the remedy (%s)',
  async (mode) => {
    const settings = parseSettings(settingsSchema, { POSTS_DATABASE_URL: poolers[mode].urlOf(database.url) })
    const started = buildApp({ settings, log: createLog('posts', 'silent'), registry: new Registry() })
    await expect(started.then((app) => app.close())).rejects.toThrow('add pgbouncer=true')
  }
)

test.each(modes)(
  'two processes share the sessions of a pooler in %s mode: all works, events included',
  async (mode) => {
    const url = `${poolers[mode].urlOf(database.url)}?pgbouncer=true`
    const processes = await Promise.all([startAt(url), startAt(url)])
    const client = new pg.Client({ connectionString: database.ownerUrl })
    await client.connect()
    try {
      const statuses = await Promise.all(Array.from({ length: 40 }, async (_, count) => {
        const { call, write } = processes[count % 2]!
        const userId = anybody()
        // On a busy machine the few sessions of the pooler are waited for longer than a call may.
        const post = await vi.waitFor(() => write(userId, {}, count % 3 ? {} : { 'idempotency-key': `key-${count}` }), {
          timeout: 15_000
        })
        const url = `/api/posts/${post.id}`
        const answers = [
          await call('GET', url),
          await call('PATCH', url, { as: { userId }, body: { title: 'Changed' } }),
          await call('GET', '/api/posts?q=changed'),
          await call('GET', `/api/posts?authorId=${userId}`),
          await call('DELETE', url, { as: { userId } })
        ]
        return answers.map(({ statusCode }) => statusCode).join()
      }))
      expect(new Set(statuses)).toEqual(new Set(['200,200,200,200,204']))
      await expect.poll(async () => (await client.query('SELECT FROM outbox WHERE stream_sequence IS NULL')).rowCount, {
        timeout: 5_000
      }).toBe(0)
      expect((await processes[0]!.app.inject('/ready')).json().checks.postgres).toEqual({ status: 'up' })
    } finally {
      await client.end()
      await Promise.all(processes.map((each) => each.stop()))
    }
  }
)
