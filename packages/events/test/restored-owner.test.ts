import { afterEach, beforeEach, expect, test } from 'vitest'
import { indexStream } from '../src/audit.ts'
import { consumersCheck } from '../src/consumers-check.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { consumeEntries, restorePost, titlesOf } from './support/entries.ts'
import { eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

const entries = () => titlesOf(stage)

test('an event with the version of one that its owner has forgotten is applied in its place, and named', async () => {
  const { events, restored } = await restorePost(stage)
  const consumer = consumeEntries(stage)
  const check = consumersCheck([consumer])
  for (const event of events) await stage.publish(event)
  await eventually(entries, (titles) => titles[0] === 'version 3')
  await stage.publish(restored)
  await eventually(entries, (titles) => titles[0] === 'after the restore')
  await eventually(
    () => check.check(),
    ({ detail }) => detail?.includes('1 events of feed-posts have versions that others had before') === true
  )
  const lines = stage.said('an event has the version of an earlier one, and is applied in its place')
  expect(lines).toMatchObject([{ eventId: restored.id }])
  const index = await indexStream(stage.operator)
  expect(index).toMatchObject({ collisions: 1, findings: [] })
  expect(index.aggregates.get(restored.subject)).toMatchObject({ version: 2, lastId: restored.id })
})

test('an event that comes again is no collision, in either line of events', async () => {
  const { events, restored } = await restorePost(stage)
  consumeEntries(stage)
  for (const event of [...events, restored]) await stage.publish(event)
  await eventually(entries, (titles) => titles[0] === 'after the restore')
  for (const event of [events[1]!, restored]) await stage.publish(event)
  await stage.settled()
  expect(await entries()).toEqual(['after the restore'])
  expect((await stage.feed.query('SELECT version FROM inbox_collisions')).rows).toEqual([{ version: 2 }])
})
