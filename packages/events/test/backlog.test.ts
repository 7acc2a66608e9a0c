import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { appendVersion, eventually, setStage, type Stage } from './support/stage.ts'

const ROWS = 20_000

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

/** A version of each post, as they are while nothing publishes them. */
const append = (version: number) =>
  stage.pool.query(
    `INSERT INTO outbox (event_id, aggregate_id, aggregate_version, subject, payload)
     SELECT gen_random_uuid(), ('01900000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, $1,
       'events.posts.post-updated.v1', repeat('x', 200) FROM generate_series(1, ${ROWS}) i`,
    [version]
  )

test('a backlog over an analysed outbox is published and marked in a time that grows with its rows alone', async () => {
  await append(1)
  await stage.pool.query('UPDATE outbox SET stream_sequence = id, published_at = now()')
  await stage.asOwner('VACUUM ANALYZE outbox') // the statistics of every system in service: nothing waits
  await append(2)
  const relay = stage.relay(stage.broker())
  await eventually(() => relay.status().leader)
  await eventually(stage.unpublished, (count) => count === 0, 15_000)
  expect(await stage.streamed()).toBe(ROWS)
  expect(stage.lines.filter(({ level }) => level >= 40)).toEqual([])
})

test('rows that cannot be marked are a warning and a metric, and are marked once that is possible', async () => {
  const registry = new Registry()
  const failures = async () =>
    Number(/^gatepost_outbox_mark_failures_total (\d+)$/m.exec(await registry.metrics())?.[1])
  const marking = () => stage.lines.filter(({ msg }) => /mark/.test(msg)).map(({ level, msg }) => [level, msg])
  const relay = stage.relay(stage.broker(), { registry })
  await eventually(() => relay.status().leader)
  await stage.asOwner('REVOKE UPDATE ON outbox FROM posts')
  await appendVersion(stage.sql, uuidv7(), 1)
  relay.wake()
  await eventually(failures, (count) => count > 1)
  expect(marking()).toEqual([[40, 'published rows cannot be marked; retrying']])
  await stage.asOwner('GRANT UPDATE ON outbox TO posts')
  await eventually(async () =>
    (await stage.pool.query('SELECT FROM outbox WHERE stream_sequence IS NULL')).rowCount === 0
  )
  expect(marking().at(-1)).toEqual([30, 'published rows are marked again'])
  expect(await stage.streamed()).toBe(1)
})
