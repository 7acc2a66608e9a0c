import { consumers } from '@gatepost/contracts/events'
import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated } from '@gatepost/contracts/posts/events'
import { jetstream } from '@nats-io/jetstream'
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer, type ConsumerOptions } from '../src/consumer.ts'
import { dropDeadLetter, listDeadLetters } from '../src/dead-letters.ts'
import { connectOperator, type Operator } from '../src/operator.ts'
import { BeyondPositionError, rewindConsumer } from '../src/rewind.ts'
import { createEffects, record, recordAll, transactionOf, type Tx } from './support/effects.ts'
import { appendVersion, connectAs, eventually, setStage, type Stage, uuidv7 } from './support/stage.ts'

const definition = consumers['feed-posts']
let stage: Stage
let operator: Operator
let feed: pg.Pool
beforeEach(async () => {
  stage = await setStage()
  operator = stage.defer(await connectOperator(stage.nats.urlOf('provisioner')), (connected) => connected.close())
  feed = (await createEffects(stage)).pool
})
afterEach(() => stage.close())

const publish = (event: CloudEvent) => operator.js.publish(`events.${event.type}`, JSON.stringify(event))
const letters = () => eventually(() => listDeadLetters(operator), (found) => found.length > 0)

function consume (more: Partial<ConsumerOptions<Tx>> = {}) {
  const consumer = stage.defer(
    createConsumer<Tx>({
      broker: stage.broker('feed'),
      definition,
      handlers: recordAll,
      transaction: transactionOf(feed),
      log: stage.log,
      ...more
    }),
    (started) => started.stop()
  )
  consumer.start()
}

test('a dead letter that was dropped is stored again when its event comes again', async () => {
  await operator.js.publish('events.posts.post-created.v1', 'no json')
  await operator.js.publish('dead-letters.feed-posts', 'keeps the stream from becoming empty')
  consume()
  for (let round = 0; round < 3; round++) {
    const letter = (await eventually(() => listDeadLetters(operator), (found) => found.length === 2)).at(-1)!
    expect(letter.cause).toBe('not JSON in UTF-8')
    await dropDeadLetter(operator, letter.number)
    await rewindConsumer(operator, definition, 1)
  }
})

test('an event that is replayed after its burial begins with no start counted', async () => {
  const event = await appendVersion(stage.sql, uuidv7(), 1)
  await publish(event)
  const before = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  ;(await before.next({ expires: 5_000 }))!.nak()
  await feed.query("INSERT INTO event_starts (consumer, event_id, starts) VALUES ('feed-posts', $1, 5)", [event.id])
  let broken = true
  consume({
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
  await rewindConsumer(operator, definition, 1)
  await eventually(async () => (await feed.query('SELECT 1 FROM effects')).rowCount === 1)
  expect(broken).toBe(false)
})

test('a consumer is not given events from beyond its position, which would skip some', async () => {
  await publish(await appendVersion(stage.sql, uuidv7(), 1))
  await publish(await appendVersion(stage.sql, uuidv7(), 1))
  await expect(rewindConsumer(operator, definition, 2)).rejects.toThrow(BeyondPositionError)
  consume()
  await eventually(
    async () => (await operator.jsm.consumers.info('EVENTS', 'feed-posts')).ack_floor.stream_seq,
    (floor) => floor === 2
  )
  await expect(rewindConsumer(operator, definition, 4)).rejects.toThrow(/at most 3/)
  await rewindConsumer(operator, definition, 3)
  await rewindConsumer(operator, definition, 2)
})
