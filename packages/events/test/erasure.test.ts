import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import { consumers } from '@gatepost/contracts/events'
import { createDatabase } from '@gatepost/testing/database'
import { jetstreamManager } from '@nats-io/jetstream'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer } from '../src/consumer.ts'
import { appendEvent } from '../src/outbox.ts'
import { createRelay } from '../src/relay.ts'
import { eventually, setStage, sqlOf, type Stage, uuidv7 } from './support/stage.ts'

let stage: Stage
let auth: pg.Pool
let authUrl: string
beforeEach(async () => {
  stage = await setStage()
  const database = stage.defer(await createDatabase('auth'), (created) => created.drop())
  authUrl = database.url
  auth = stage.defer(new pg.Pool({ connectionString: database.url, max: 3 }), (opened) => opened.end())
})
afterEach(() => stage.close())

function relay () {
  const started = stage.defer(createRelay({ databaseUrl: authUrl, service: 'auth', broker: stage.broker('auth'), log: stage.log }), (each) => each.stop())
  started.start()
  return started
}

const register = (userId: string, displayName: string) => appendEvent(sqlOf(auth), userRegistered, { data: { userId, displayName, registeredAt: new Date().toISOString() }, aggregateVersion: 1 })
const update = (userId: string, displayName: string) => appendEvent(sqlOf(auth), userUpdated, { data: { userId, displayName }, aggregateVersion: 2 })
const leave = (userId: string) => appendEvent(sqlOf(auth), userDeleted, { data: { userId }, aggregateVersion: 3 })
const unpublished = async () => (await auth.query('SELECT count(*)::int AS count FROM outbox WHERE stream_sequence IS NULL')).rows[0].count as number

async function onDisk (text: string) {
  const folder = join(stage.nats.dataDir, 'store')
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (file.isFile() && (await readFile(join(file.parentPath, file.name))).includes(text)) return true
  }
  return false
}

test('once a user has left, no file of the broker and no row of the outbox holds the name; other users\' stay', async () => {
  const [leaver, stayer] = [uuidv7(), uuidv7()]
  relay()
  await register(leaver, 'Wilhelmina Vanishing')
  await update(leaver, 'Wilhelmina Vanishing the Second')
  await register(stayer, 'Bob Staying')
  await eventually(unpublished, (count) => count === 0)
  await eventually(() => onDisk('Wilhelmina Vanishing'))
  await leave(leaver)
  await eventually(async () => await unpublished() === 0 && !await onDisk('Wilhelmina Vanishing'))
  await eventually(async () => (await auth.query('SELECT subject FROM outbox WHERE aggregate_id = $1', [leaver])).rows.length === 1)
  expect((await stage.stream()).map((message) => message.subject)).toEqual([userRegistered.subject, userDeleted.subject])
  expect(await onDisk('Bob Staying')).toBe(true)
})

test('a dead letter with the name is erased too', async () => {
  const feed = stage.defer(await createDatabase('feed'), (created) => created.drop())
  const pool = stage.defer(new pg.Pool({ connectionString: feed.url }), (opened) => opened.end())
  const consumer = stage.defer(createConsumer<pg.PoolClient>({
    broker: stage.broker('feed'),
    definition: consumers['feed-users'],
    handlers: {},
    log: stage.log,
    transaction: async (work) => {
      const client = await pool.connect()
      return work(client, sqlOf(client)).finally(() => client.release())
    }
  }), (started) => started.stop())
  consumer.start()
  const userId = uuidv7()
  await register(userId, 'Wilhelmina Vanishing')
  await auth.query("UPDATE outbox SET payload = replace(payload, '\"registeredAt\"', '\"registered\"')")
  relay()
  await eventually(() => stage.lines.some((line) => line.msg === 'event dead-lettered'))
  await leave(userId)
  await eventually(async () => await unpublished() === 0 && !await onDisk('Wilhelmina Vanishing'))
})

test('what was left over while NATS was down, or by a leader that died, is erased by the next one', async () => {
  const userId = uuidv7()
  await register(userId, 'Wilhelmina Vanishing')
  const first = relay()
  await eventually(unpublished, (count) => count === 0)
  await first.stop()
  await leave(userId)
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  const { seq } = await jsm.jetstream().publish(userDeleted.subject, '{}')
  await auth.query('UPDATE outbox SET stream_sequence = $1, published_at = now() WHERE stream_sequence IS NULL', [seq])
  relay()
  await eventually(async () => !await onDisk('Wilhelmina Vanishing'))
})

test('the place of a personal event is remembered beyond retention, without its text', async () => {
  const { createOutboxStore } = await import('../src/relay/outbox-store.ts')
  const userId = uuidv7()
  await register(userId, 'Wilhelmina Vanishing')
  await auth.query("UPDATE outbox SET stream_sequence = 7, published_at = now() - interval '8 days'")
  await createOutboxStore(auth).prune(7, 100)
  expect((await auth.query('SELECT payload, stream_sequence::int AS sequence FROM outbox')).rows).toEqual([{ payload: '', sequence: 7 }])
})
