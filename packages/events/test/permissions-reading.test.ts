import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { brokerUsers } from '@gatepost/testing/broker'
import { brokerAuthorization } from '../src/permissions.ts'
import { ADA, ask, BOB, type BrokerScene, nothing, setBrokerScene } from './support/broker-scene.ts'
import { eventually } from './support/stage.ts'

let scene: BrokerScene
beforeAll(async () => { scene = await setBrokerScene() })
afterAll(() => scene.close())

test('a stranger reads the stream: live, from the beginning, by a durable and by a push consumer', async () => {
  const live: string[] = []
  scene.stranger.subscribe('events.>', { callback: (_error, message) => { live.push(message.subject) } })
  await scene.stranger.flush()
  await jetstream(scene.posts).publish('events.posts.post-created.v1', '{}')
  await eventually(() => live.length === 1)
  const jsm = await jetstreamManager(scene.stranger)
  expect(await jsm.streams.find('events.posts.post-created.v1')).toBe('EVENTS')
  const js = jsm.jetstream()
  const sequences: number[] = []
  for await (const message of await (await js.consumers.get('EVENTS')).consume()) {
    sequences.push(message.seq)
    if (message.info.pending === 0) break
  }
  expect(sequences[0]).toBe(1)
  await jsm.consumers.add('EVENTS', { durable_name: 'friend', ack_policy: AckPolicy.Explicit })
  const friend = await js.consumers.get('EVENTS', 'friend')
  for await (const message of await friend.fetch({ max_messages: 3, expires: 1_000 })) {
    expect(message.subject).toBe('events.posts.post-created.v1')
    message.ack()
  }
  await eventually(async () => (await friend.info()).ack_floor.stream_seq, (floor) => floor === 3)
  const pushed: string[] = []
  scene.stranger.subscribe('_INBOX.push', {
    callback: (_error, message) => {
      pushed.push(message.subject)
    }
  })
  await ask(scene.stranger, '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.pushed', {
    stream_name: 'EVENTS',
    config: { durable_name: 'pushed', deliver_subject: '_INBOX.push', ack_policy: 'none' }
  })
  await eventually(() => pushed.length === sequences.length)
})

test('a named subscriber reads by a durable and a push consumer of its own, and deletes them', async () => {
  const js = jetstream(scene.ada)
  const jsm = await jetstreamManager(scene.ada)
  await jsm.consumers.add('EVENTS', { durable_name: 'ada', ack_policy: AckPolicy.Explicit }).catch(() => undefined)
  const durable = await js.consumers.get('EVENTS', 'ada')
  const message = await durable.next({ expires: 1_000 })
  expect(await message!.ackAck()).toBe(true)
  await jsm.consumers.delete('EVENTS', 'ada_2').catch(() => undefined)
  const pushed: string[] = []
  scene.ada.subscribe('_INBOX_ada.push', {
    callback: (_error, { subject }) => {
      pushed.push(subject)
    }
  })
  await jsm.consumers.add('EVENTS', {
    durable_name: 'ada_2',
    deliver_subject: '_INBOX_ada.push',
    ack_policy: AckPolicy.None
  })
  await eventually(() => pushed.length >= 5)
  for (const name of ['ada', 'ada_2']) expect(await jsm.consumers.delete('EVENTS', name)).toBe(true)
})

test('nobody else hears the messages of a named subscriber', async () => {
  const heard: string[] = []
  const other = await scene.connectStranger()
  other.subscribe('_INBOX.>', { callback: (_error, { subject }) => { heard.push(subject) } })
  const bob = await scene.connectSubscriber(BOB)
  bob.subscribe('_INBOX_bob.>', { callback: (_error, { subject }) => { heard.push(subject) } })
  await Promise.all([other.flush(), bob.flush()])
  await ask(scene.ada, '$JS.API.CONSUMER.CREATE.EVENTS.ada', {
    stream_name: 'EVENTS',
    config: { name: 'ada', durable_name: 'ada', ack_policy: 'explicit' }
  })
  expect(await (await jetstream(scene.ada).consumers.get('EVENTS', 'ada')).next({ expires: 1_000 })).not.toBeNull()
  await nothing()
  expect(heard).toEqual([])
})

test('our own readers have a share of the consumers that subscribers cannot use up', () => {
  const text = brokerAuthorization(brokerUsers(), { subscribers: [ADA, BOB] })
  expect(text).toContain('max_consumers: 2003 ')
  expect(text).not.toContain('no_auth_user')
})
