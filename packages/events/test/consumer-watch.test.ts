import { consumers } from '@gatepost/contracts/events'
import type pg from 'pg'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer, type ConsumerOptions } from '../src/consumer.ts'
import { consumersCheck } from '../src/consumers-check.ts'
import { connectOperator, type Operator } from '../src/operator.ts'
import { provision } from '../src/provision.ts'
import { createEffects, recordAll, transactionOf, type Tx } from './support/effects.ts'
import { appendVersion, eventually, setStage, type Stage, uuidv7 } from './support/stage.ts'

let stage: Stage
let operator: Operator
let feed: pg.Pool
beforeEach(async () => {
  stage = await setStage()
  operator = stage.defer(await connectOperator(stage.nats.urlOf('provisioner')), (connected) => connected.close())
  feed = (await createEffects(stage)).pool
})
afterEach(() => stage.close())

const publish = async (post = uuidv7()) => {
  const event = await appendVersion(stage.sql, post, 1)
  await operator.js.publish(`events.${event.type}`, JSON.stringify(event))
}
const effects = async () => (await feed.query('SELECT post FROM effects')).rowCount
const info = () => operator.jsm.consumers.info('EVENTS', 'feed-posts')
const said = (text: string) => stage.lines.filter(({ msg }) => msg.includes(text))

function consume (more: Partial<ConsumerOptions<Tx>> = {}) {
  const consumer = stage.defer(
    createConsumer<Tx>({
      broker: stage.broker('feed'),
      definition: consumers['feed-posts'],
      handlers: recordAll,
      transaction: transactionOf(feed),
      log: stage.log,
      ...more
    }),
    (started) => started.stop()
  )
  consumer.start()
  return consumer
}

test('a durable that is deleted is named and made again within seconds, after what it had acknowledged', async () => {
  const consumer = consume()
  for (let count = 0; count < 3; count++) await publish()
  await eventually(effects, (count) => count === 3)
  await eventually(async () => (await info()).ack_floor.stream_seq, (floor) => floor === 3)
  const acknowledgedAt = performance.now()
  await eventually(() => consumer.status().silentSeconds * 1_000 < performance.now() - acknowledgedAt)
  await operator.jsm.consumers.delete('EVENTS', 'feed-posts')
  await publish()
  await eventually(effects, (count) => count === 4, 5_000)
  expect(said('feed-posts was missing and is made again')).toMatchObject([{ after: 3 }])
  expect((await info()).config.opt_start_seq).toBe(4)
  expect((await provision({ servers: stage.nats.urlOf('provisioner'), check: true })).changes).toEqual([])
})

test('a durable that is missing when its service starts is made from the beginning, and nothing is applied twice', async () => {
  const before = consume()
  await publish()
  await eventually(effects, (count) => count === 1)
  await before.stop()
  await operator.jsm.consumers.delete('EVENTS', 'feed-posts')
  await publish()
  consume()
  consume()
  await eventually(effects, (count) => count === 2, 5_000)
  await eventually(async () => (await info()).num_ack_pending, (count) => count === 0)
  expect(await effects()).toBe(2)
})

test('a stream that is missing is named by the check, by a metric and once in the log; all is well when it is provisioned', async () => {
  const registry = new Registry()
  const missing = async () => /^gatepost_consumer_missing\{.*\} (\d)$/m.exec(await registry.metrics())?.[1]
  const consumer = consume({ registry })
  const check = consumersCheck([consumer])
  await eventually(() => check.check().status === 'up')
  await operator.jsm.streams.delete('EVENTS')
  await eventually(() => check.check().detail === 'a stream of feed-posts is missing', Boolean, 5_000)
  await eventually(missing, (value) => value === '1')
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await publish()
  await eventually(effects, (count) => count === 1)
  await eventually(() => check.check().status === 'up')
  await eventually(missing, (value) => value === '0')
  expect(said('a stream that the consumer feed-posts needs is missing')).toHaveLength(1)
})

test('pending counts what was delivered and is not acknowledged; the age of the oldest and the dead letters are shown', async () => {
  const registry = new Registry()
  const released = Promise.withResolvers<void>()
  const handlers = Object.fromEntries(Object.keys(recordAll).map((type) => [type, () => released.promise]))
  const consumer = consume({ registry, handlers })
  for (let count = 0; count < 3; count++) await publish()
  await operator.js.publish('dead-letters.feed-posts', 'no event')
  await eventually(() => consumer.status(), ({ pending, oldestSeconds }) => pending === 3 && oldestSeconds > 1)
  const metrics = await registry.metrics()
  expect(metrics).toContain('gatepost_consumer_pending{consumer="feed-posts"} 3')
  expect(metrics).toContain('gatepost_dead_letters 1')
  released.resolve()
  await eventually(() => consumer.status(), ({ pending, oldestSeconds }) => pending === 0 && oldestSeconds === 0)
})
