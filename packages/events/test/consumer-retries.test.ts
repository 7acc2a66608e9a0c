import { postCreated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { handlerOf } from '../src/consumer.ts'
import { listDeadLetters } from '../src/dead-letters.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { record, type Tx } from './support/effects.ts'
import { appendVersion, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('a handler that fails is tried again, later each time; its transaction leaves nothing', async () => {
  const post = uuidv7()
  const starts: number[] = []
  stage.consume({
    handlers: {
      [postCreated.type]: handlerOf(postCreated, async (event, tx: Tx) => {
        await record(post, event.aggregateversion, tx)
        if (starts.push(performance.now()) < 3) throw new Error('not today')
      })
    }
  })
  await stage.publish(await appendVersion(stage.sql, post, 1))
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1)
  expect(starts).toHaveLength(3)
  expect(starts[1]! - starts[0]!).toBeGreaterThan(95)
  expect(starts[2]! - starts[1]!).toBeGreaterThan(290)
  expect(stage.said('event failed; it comes again').map((line) => line.delay)).toEqual([100, 300])
  expect((await stage.feed.query('SELECT consumer FROM inbox')).rows).toEqual([{ consumer: 'feed-posts' }])
})

test('a handler slower than the acknowledgement wait is not given its event twice', async () => {
  await stage.operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 3_000 * 1e6 })
  let starts = 0
  const post = uuidv7()
  stage.consume({
    handlers: {
      [postCreated.type]: async (_event, tx) => {
        starts++
        await new Promise((resolve) => setTimeout(resolve, 4_500))
        await record(post, 1, tx)
      }
    }
  })
  await stage.publish(await appendVersion(stage.sql, post, 1))
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1, 30_000)
  await stage.settled()
  expect(starts).toBe(1)
  expect((await stage.info()).delivered.consumer_seq).toBe(1)
})

test('a database that is away costs no event its attempts', async () => {
  const post = uuidv7()
  let away = true
  let attempts = 0
  stage.consume({
    transaction: (work) => {
      attempts++
      if (away) throw new Error('connection refused')
      return stage.transaction(work)
    }
  })
  await stage.publish(await appendVersion(stage.sql, post, 1))
  await eventually(() => attempts, (count) => count > 5)
  expect(stage.said('the database is away; events wait')).toHaveLength(1)
  away = false
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1)
  expect(await listDeadLetters(stage.operator)).toEqual([])
})
