import { postDeleted } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ErasureStage, setErasureStage, WITHIN } from './support/erasure-stage.ts'
import { appendDeletion, appendVersion, eventually } from './support/stage.ts'

let stage: ErasureStage
beforeEach(async () => { stage = await setErasureStage() })
afterEach(() => stage.close())

const UNREAD = 3_000

test('the next leader finds events that an older release left unerased, also where one stands twice', async () => {
  const first = stage.startRelay()
  const [deleted, living] = [await stage.writePost(), await stage.writePost('Bob Staying')]
  const jsm = await stage.jetStream()
  const { subject, data } = (await jsm.streams.getMessage('EVENTS', { seq: 1 }))!
  await jsm.jetstream().publish(subject, data)
  await appendDeletion(stage.sql, deleted, 4)
  await stage.published()
  await first.stop()
  await stage.pool
    .query('DELETE FROM outbox; DELETE FROM erasures; DELETE FROM stream_readings; DELETE FROM event_positions')
  await jsm.jetstream().publish(subject, data)
  stage.startRelay()
  await stage.gone()
  await stage.erased()
  expect([await stage.versionsOf(deleted), await stage.versionsOf(living)]).toEqual([[4], [1, 2, 3]])
  await appendDeletion(stage.sql, living, 4)
  await eventually(() => stage.onDisk('Bob Staying'), (found) => !found, WITHIN)
})

test('events are published while a new leader reads a long stream', async () => {
  const js = (await stage.jetStream()).jetstream()
  await Promise.all(Array.from({ length: UNREAD }, () => js.publish(postDeleted.subject, 'no event')))
  const read = async () =>
    Number((await stage.pool.query('SELECT sequence FROM stream_readings')).rows[0]?.sequence ?? 0)
  const started = stage.startRelay()
  await eventually(read)
  for (let count = 0; count < 5; count++) {
    await appendVersion(stage.sql, uuidv7(), 1)
    started.wake()
    await stage.published()
  }
  expect(await read()).toBeLessThan(UNREAD)
  await eventually(read, (sequence) => sequence >= UNREAD)
})
