import { postUpdated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listDeadLetters } from '../src/dead-letters.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { recordAll } from './support/effects.ts'
import { appendVersion, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

test('a type of a later release waits for a replica that knows it, also behind others', async () => {
  const post = uuidv7()
  const first = await appendVersion(stage.sql, post, 1)
  const second = await appendVersion(stage.sql, post, 2)
  const other = await appendVersion(stage.sql, uuidv7(), 1)
  stage.consume()
  await stage.publish(first)
  await stage.publish({ ...second, type: 'posts.post-archived.v1' })
  await stage.publish(other)
  await eventually(() => stage.effectsOf(other.subject), (versions) => versions.length === 1)
  await eventually(() => stage.lines.some((line) => line.type === 'posts.post-archived.v1'))
  expect(await stage.info()).toMatchObject({ num_ack_pending: 1, num_pending: 0 })
  expect(await listDeadLetters(stage.operator)).toEqual([])
  const { rows } = await stage.feed.query('SELECT version FROM inbox WHERE aggregate_id = $1', [post])
  expect(rows).toEqual([{ version: 1 }])
})

test('a type without a handler, or of a later version, is passed over and its version recorded', async () => {
  const post = uuidv7()
  const first = await appendVersion(stage.sql, post, 1)
  const second = await appendVersion(stage.sql, post, 2)
  const third = await appendVersion(stage.sql, post, 3)
  stage.consume({ handlers: { [postUpdated.type]: recordAll[postUpdated.type]! } })
  await stage.publish(first)
  await stage.publish({ ...second, type: 'posts.post-updated.v2' })
  await stage.publish(third)
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1)
  expect(await stage.effectsOf(post)).toEqual([3])
})

test('an event that can never be applied is a dead letter before it is ended; the others go on', async () => {
  const post = uuidv7()
  const good = await appendVersion(stage.sql, post, 1)
  await stage.operator.js.publish('events.posts.post-created.v1', 'no json')
  await stage.operator.js.publish(
    'events.posts.post-created.v1',
    JSON.stringify({ ...good, id: uuidv7(), subject: uuidv7(), data: { title: 1 } })
  )
  await stage.publish(good)
  stage.consume()
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 1)
  await stage.settled()
  const letters = await listDeadLetters(stage.operator)
  expect(letters).toHaveLength(2)
  expect(letters[0]).toMatchObject({ consumer: 'feed-posts', cause: 'not JSON in UTF-8' })
  expect(Buffer.from(letters[0]!.payload).toString()).toBe('no json')
})
