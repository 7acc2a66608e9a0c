import { consumers } from '@gatepost/contracts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { sqlOfPool } from '@gatepost/service-kit/sql'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer } from '../src/consumer.ts'
import { listQuarantined, releaseQuarantined, skipQuarantined } from '../src/quarantine.ts'
import { createOutboxStore } from '../src/relay/outbox-store.ts'
import { createEffects, recordAll, transactionOf, type Tx } from './support/effects.ts'
import { appendDeletion, appendVersion, eventually, setStage, type Stage } from './support/stage.ts'

let stage: Stage
beforeEach(async () => { stage = await setStage() })
afterEach(() => stage.close())

/** Versions 1 to 3 of a post, of which NATS does not take the second. */
async function setScene () {
  const post = uuidv7()
  const [, second] = [
    await appendVersion(stage.sql, post, 1),
    await appendVersion(stage.sql, post, 2),
    await appendVersion(stage.sql, post, 3)
  ]
  await stage.pool.query("UPDATE outbox SET payload = rpad(payload, 1200000, ' ') WHERE event_id = $1", [second!.id])
  stage.relay(stage.broker())
  const [event] = await eventually(() => listQuarantined(stage.sql), (found) => found.length > 0)
  expect(event).toMatchObject({
    eventId: second!.id,
    type: 'posts.post-updated.v1',
    aggregateId: post,
    version: 2,
    behind: 1,
    error: expect.stringContaining('max_payload')
  })
  return event!
}

const versions = async () => (await stage.stream()).map(({ version }) => version)

test('a released event is published once its cause is gone, and the events behind it follow', async () => {
  const { eventId } = await setScene()
  await stage.pool.query('UPDATE outbox SET payload = rtrim(payload) WHERE event_id = $1', [eventId])
  expect(await releaseQuarantined(stage.sql, eventId)).toBe(true)
  expect(await eventually(versions, ({ length }) => length === 3)).toEqual([1, 2, 3])
  expect(await releaseQuarantined(stage.sql, eventId)).toBe(false)
})

test('a skipped event is given up: consumers go on with the event after it', async () => {
  const event = await setScene()
  const { pool } = await createEffects(stage)
  await expect(skipQuarantined(stage.sql, event, async () => sqlOfPool(pool))).rejects
    .toThrow(/has applied version 0 .* once it is at 1/)
  const consumer = stage.defer(
    createConsumer<Tx>({
      broker: stage.broker('feed'),
      definition: consumers['feed-posts']!,
      handlers: recordAll,
      transaction: transactionOf(pool),
      log: stage.log
    }),
    (started) => started.stop()
  )
  consumer.start()
  const applied = async () =>
    (await pool.query<{ version: number }>('SELECT version FROM effects ORDER BY id')).rows.map(({ version }) =>
      version
    )
  await eventually(applied, ({ length }) => length === 1)
  await skipQuarantined(stage.sql, event, async () => sqlOfPool(pool))
  expect(await eventually(applied, ({ length }) => length === 2)).toEqual([1, 3])
  expect(await listQuarantined(stage.sql)).toEqual([])
})

test('a refusal that is noted late, by another connection, does not end the quarantine', async () => {
  await appendVersion(stage.sql, uuidv7(), 1)
  const store = createOutboxStore(stage.pool)
  const [row] = await store.claim({ after: 0n, known: new Set(), quarantined: [], forbidden: [], limit: 1 })
  await store.fail({ ...row!, attempts: 3 }, 'why', true)
  await store.fail({ ...row!, attempts: 2 }, 'why', false)
  expect(await listQuarantined(stage.sql)).toMatchObject([{ eventId: row!.eventId, attempts: 3 }])
})

test('a final event is not skipped', async () => {
  const post = uuidv7()
  await appendDeletion(stage.sql, post, 1)
  await stage.pool.query("UPDATE outbox SET quarantined_at = now(), last_error = 'why'")
  const [event] = await listQuarantined(stage.sql)
  await expect(skipQuarantined(stage.sql, event!, async () => stage.sql)).rejects.toThrow(/cannot be skipped/)
})
