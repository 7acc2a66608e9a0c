import { uuidv7 } from '@gatepost/service-kit/uuid'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { consumersCheck } from '../src/consumers-check.ts'
import { provision } from '../src/provision.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { recordAll } from './support/effects.ts'
import { appendVersion, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

const publish = async () => stage.publish(await appendVersion(stage.sql, uuidv7(), 1))
const effects = async () => (await stage.feed.query('SELECT post FROM effects')).rowCount

test('a deleted durable is named and made again within seconds, after its last acknowledgement', async () => {
  const consumer = stage.consume()
  for (let count = 0; count < 3; count++) await publish()
  await eventually(effects, (count) => count === 3)
  await eventually(async () => (await stage.info()).ack_floor.stream_seq, (floor) => floor === 3)
  const acknowledgedAt = performance.now()
  await eventually(() => consumer.status().silentSeconds * 1_000 < performance.now() - acknowledgedAt)
  await stage.operator.jsm.consumers.delete('EVENTS', 'feed-posts')
  await publish()
  await eventually(effects, (count) => count === 4, 5_000)
  expect(stage.said('feed-posts was missing and is made again')).toMatchObject([{ after: 3 }])
  expect((await stage.info()).config.opt_start_seq).toBe(4)
  expect((await provision({ servers: stage.nats.urlOf('provisioner'), check: true })).changes).toEqual([])
})

test('a durable that is missing at the start is made from the beginning, and nothing is applied twice', async () => {
  const before = stage.consume()
  await publish()
  await eventually(effects, (count) => count === 1)
  await before.stop()
  await stage.operator.jsm.consumers.delete('EVENTS', 'feed-posts')
  await publish()
  stage.consume()
  stage.consume()
  await eventually(effects, (count) => count === 2, 5_000)
  await eventually(async () => (await stage.info()).num_ack_pending, (count) => count === 0)
  expect(await effects()).toBe(2)
})

test('a missing stream is named by the check, by a metric and once in the log, until it is provisioned', async () => {
  const registry = new Registry()
  const missing = async () => /^gatepost_consumer_missing\{.*\} (\d)$/m.exec(await registry.metrics())?.[1]
  const consumer = stage.consume({ registry })
  const check = consumersCheck([consumer])
  await eventually(() => check.check().status === 'up')
  await stage.operator.jsm.streams.delete('EVENTS')
  await eventually(() => check.check().detail === 'a stream of feed-posts is missing', Boolean, 5_000)
  await eventually(missing, (value) => value === '1')
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await publish()
  await eventually(effects, (count) => count === 1)
  await eventually(() => check.check().status === 'up')
  await eventually(missing, (value) => value === '0')
  expect(stage.said('a stream that the consumer feed-posts needs is missing')).toHaveLength(1)
})

test('pending counts unacknowledged events; the age of the oldest and the dead letters are shown', async () => {
  const registry = new Registry()
  const released = Promise.withResolvers<void>()
  const handlers = Object.fromEntries(Object.keys(recordAll).map((type) => [type, () => released.promise]))
  const consumer = stage.consume({ registry, handlers })
  for (let count = 0; count < 3; count++) await publish()
  await stage.operator.js.publish('dead-letters.feed-posts', 'no event')
  await eventually(() => consumer.status(), ({ pending, oldestSeconds }) => pending === 3 && oldestSeconds > 1)
  const metrics = await registry.metrics()
  expect(metrics).toContain('gatepost_consumer_pending{consumer="feed-posts"} 3')
  expect(metrics).toContain('gatepost_dead_letters 1')
  released.resolve()
  await eventually(() => consumer.status(), ({ pending, oldestSeconds }) => pending === 0 && oldestSeconds === 0)
})
