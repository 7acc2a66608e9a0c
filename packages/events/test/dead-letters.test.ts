import { consumers } from '@gatepost/contracts/events'
import { postCreated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstream } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { storeDeadLetter } from '../src/consumer/dead-letter-store.ts'
import { dropDeadLetter, listDeadLetters } from '../src/dead-letters.ts'
import { provision } from '../src/provision.ts'
import { rewindConsumer } from '../src/rewind.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { countStarts, record } from './support/effects.ts'
import { appendVersion, connectAs, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

const letters = (count = 1) => eventually(() => listDeadLetters(stage.operator), (found) => found.length === count)

test('a dead letter that cannot be stored is not lost: its event comes again until it can', async () => {
  await stage.operator.jsm.streams.delete('DEAD_LETTERS')
  await stage.operator.js.publish('events.posts.post-created.v1', 'no json')
  stage.consume()
  await eventually(() => stage.said('a dead letter could not be stored; its event comes again').length > 0)
  await provision({ servers: stage.nats.urlOf('provisioner') })
  expect(await letters()).toMatchObject([{ sequence: 1, cause: 'not JSON in UTF-8' }])
})

test('a dead letter is stored once, although its end was not heard', async () => {
  await stage.publish(await appendVersion(stage.sql, uuidv7(), 1))
  const message = await (await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')).next({
    expires: 5_000
  })
  const broker = stage.broker('feed')
  await broker.connected()
  const numbers = [
    await storeDeadLetter(broker, 'feed-posts', message!, 'why'),
    await storeDeadLetter(broker, 'feed-posts', message!, 'why')
  ]
  expect(numbers).toEqual([1, 1])
  expect(await listDeadLetters(stage.operator)).toHaveLength(1)
})

test('a dead letter that was dropped is stored again when its event comes again', async () => {
  await stage.operator.js.publish('events.posts.post-created.v1', 'no json')
  await stage.operator.js.publish('dead-letters.feed-posts', 'keeps the stream from becoming empty')
  stage.consume()
  for (let round = 0; round < 3; round++) {
    const letter = (await letters(2)).at(-1)!
    expect(letter.cause).toBe('not JSON in UTF-8')
    await dropDeadLetter(stage.operator, letter.number)
    await rewindConsumer(stage.operator, consumers['feed-posts']!, 1)
  }
})

test('an event that is replayed after its burial begins with no start counted', async () => {
  const event = await appendVersion(stage.sql, uuidv7(), 1)
  await stage.publish(event)
  const before = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  ;(await before.next({ expires: 5_000 }))!.nak()
  await countStarts(stage.feed, event, 5)
  let broken = true
  stage.consume({
    handlers: {
      [postCreated.type]: async (_event, tx) => {
        await record(event.subject, 1, tx)
        if (broken) {
          broken = false
          throw new Error('not at first')
        }
      }
    }
  })
  expect(await letters()).toMatchObject([{ cause: '5 starts ended without a result' }])
  await rewindConsumer(stage.operator, consumers['feed-posts']!, 1)
  await eventually(async () => (await stage.feed.query('SELECT 1 FROM effects')).rowCount === 1)
  expect(broken).toBe(false)
})
