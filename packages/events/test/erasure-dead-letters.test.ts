import { consumers } from '@gatepost/contracts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { createDatabase } from '@gatepost/testing/database'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer } from '../src/consumer.ts'
import { type ErasureStage, MARK, setErasureStage } from './support/erasure-stage.ts'
import { appendDeletion, appendVersion, eventually } from './support/stage.ts'

let stage: ErasureStage
beforeEach(async () => { stage = await setErasureStage() })
afterEach(() => stage.close())

test('the dead letters of a deleted post are erased, also one that comes late; that of its end stays', async () => {
  stage.startRelay()
  const post = await stage.writePost()
  const jsm = await stage.jetStream()
  const bury = (data: Uint8Array | string, subject = `dead-letters.feed-posts.${post}`) =>
    jsm.jetstream().publish(subject, data)
  const { data } = (await jsm.streams.getMessage('EVENTS', { seq: 1 }))!
  await bury(data)
  await bury(data, 'dead-letters.feed-posts')
  await bury('no event', 'dead-letters.feed-posts')
  const end = await appendDeletion(stage.sql, post, 4)
  await bury(JSON.stringify(end))
  await stage.gone()
  await stage.erased()
  await bury(data)
  await stage.pool.query('UPDATE erasures SET due_at = now()')
  await eventually(async () => (await stage.pool.query('SELECT FROM erasures')).rowCount, (count) => count === 0)
  expect(await stage.onDisk()).toBe(false)
  expect((await jsm.streams.info('DEAD_LETTERS')).state.messages).toBe(2)
})

test('a consumer files a dead letter under its aggregate', async () => {
  const feed = stage.defer(await createDatabase('feed'), (created) => created.drop())
  const pool = stage.defer(new pg.Pool({ connectionString: feed.url }), (opened) => opened.end())
  const consumer = stage.defer(createConsumer<pg.PoolClient>({
    broker: stage.broker('feed'),
    definition: consumers['feed-posts']!,
    handlers: {},
    log: stage.log,
    transaction: async (work) => {
      const client = await pool.connect()
      return work(client, sqlOfPool(client)).finally(() => client.release())
    }
  }), (started) => started.stop())
  consumer.start()
  const { subject } = await appendVersion(stage.sql, uuidv7(), 1, MARK)
  await stage.pool.query("UPDATE outbox SET payload = replace(payload, '\"createdAt\"', '\"created\"')")
  stage.startRelay()
  await eventually(() => stage.lines.some((line) => line.msg === 'event dead-lettered'))
  expect((await (await stage.jetStream()).streams.getMessage('DEAD_LETTERS', { seq: 1 }))!.subject)
    .toBe(`dead-letters.feed-posts.${subject}`)
  await appendDeletion(stage.sql, subject, 2)
  await stage.gone()
})
