import { consumers } from '@gatepost/contracts/events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { forgetCollisions, reapply, type ReapplyOptions } from '../src/reapply.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { restorePost } from './support/entries.ts'
import { eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('a consumer applies every event once more, also of a restored owner, and forgets its collisions', async () => {
  const { post, events, restored } = await restorePost(stage)
  stage.consume()
  for (const event of [...events, restored]) await stage.publish(event)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 4)
  await stage.settled()
  const options: ReapplyOptions = {
    definition: consumers['feed-posts']!,
    transaction: (work) => stage.transaction((_tx, sql) => work(sql))
  }
  await reapply(stage.operator, options)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 8)
  await stage.settled()
  expect(await stage.effectsOf(post)).toEqual([1, 2, 3, 2, 1, 2, 3, 2])
  await forgetCollisions(options)
  expect((await stage.feed.query('SELECT FROM inbox_collisions')).rowCount).toBe(0)
})
