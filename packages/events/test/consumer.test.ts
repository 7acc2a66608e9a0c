import { postCreated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { handlerOf } from '../src/consumer.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { record, recordAll, type Tx } from './support/effects.ts'
import { appendDeletion, appendVersion, appendVersions, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('each event has its effect once and in its aggregate\'s order, with a second replica beside', async () => {
  const posts = Array.from({ length: 10 }, () => uuidv7())
  stage.consume()
  stage.consume()
  stage.relay(stage.broker())
  await Promise.all(posts.map((post) => appendVersions(stage.pool, post, 1, 8)))
  for (const post of posts) await eventually(() => stage.effectsOf(post), (versions) => versions.length === 8)
  for (const post of posts) expect(await stage.effectsOf(post)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  await stage.settled()
})

test('aggregates are handled side by side, events of one aggregate one after the other', async () => {
  const [post, other] = [uuidv7(), uuidv7()]
  for (const [id, version] of [[post, 1], [post, 2], [other, 1]] as const) {
    await stage.publish(await appendVersion(stage.sql, id, version))
  }
  const begun = new Set<string>()
  const registry = new Registry()
  stage.consume({
    registry,
    handlers: {
      ...recordAll,
      [postCreated.type]: handlerOf(postCreated, async (event, tx: Tx) => {
        begun.add(event.data.postId)
        await eventually(() => begun.size === 2)
        await record(event.data.postId, 1, tx)
      })
    }
  })
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 2)
  const outcomes = async () =>
    (await registry.getSingleMetric('gatepost_consumer_events_total')!.get()).values.filter(({ value }) => value > 0)
      .map(({ labels, value }) => `${labels.outcome} ${value}`).join()
  await eventually(outcomes, (counted) => counted === 'applied 3') // counted after the commit
})

test('an event that is delivered again, or published again, has no second effect', async () => {
  const post = uuidv7()
  const event = await appendVersion(stage.sql, post, 1)
  await stage.publish(event)
  await stage.publish(event)
  stage.consume()
  await stage.settled()
  expect(await stage.effectsOf(post)).toEqual([1])
})

test('an event waits for its predecessor; other aggregates go on', async () => {
  const post = uuidv7()
  const [first, second] = [await appendVersion(stage.sql, post, 1), await appendVersion(stage.sql, post, 2)]
  const other = await appendVersion(stage.sql, uuidv7(), 1)
  stage.consume()
  await stage.publish(second)
  await stage.publish(other)
  await eventually(() => stage.effectsOf(other.subject), (versions) => versions.length === 1)
  expect(await stage.effectsOf(post)).toEqual([])
  await stage.publish(first)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 2)
  expect(await stage.effectsOf(post)).toEqual([1, 2])
})

test('a final event is applied although earlier ones are missing, and late ones are ignored', async () => {
  const post = uuidv7()
  const created = await appendVersion(stage.sql, post, 1)
  const deleted = await appendDeletion(stage.sql, post, 5)
  stage.consume()
  await stage.publish(deleted)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1)
  await stage.publish(created)
  await stage.settled()
  expect(await stage.effectsOf(post)).toEqual([5])
})
