import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, type BrokerScene, nothing, setBrokerScene } from './support/broker-scene.ts'

let scene: BrokerScene
beforeAll(async () => { scene = await setBrokerScene() })
afterAll(() => scene.close())

// The server answers to whatever reply subject a request names, and delivers wherever a push consumer says, in its own
// name.
const TARGETS = [
  'events.posts.post-created.v1',
  'dead-letters.feed-posts',
  '$JS.API.STREAM.PURGE.EVENTS',
  '$JS.API.STREAM.DELETE.EVENTS',
  '$JS.API.CONSUMER.DELETE.EVENTS.feed-posts',
  '$JS.API.STREAM.MSG.DELETE.EVENTS',
  '$JS.ACK.EVENTS.feed-posts.1.1.1.0.0'
]
const CALLS: [string, string][] = [
  ['$JS.API.INFO', ''],
  ['$JS.API.STREAM.INFO.EVENTS', ''],
  ['$JS.API.STREAM.NAMES', ''],
  ['$JS.API.STREAM.MSG.GET.EVENTS', '{"seq":1}'],
  ['$JS.API.DIRECT.GET.EVENTS', '{"seq":1}'],
  ['$JS.API.DIRECT.GET.EVENTS.events.posts.post-created.v1', ''],
  ['$JS.API.CONSUMER.INFO.EVENTS.own', ''],
  ['$JS.API.CONSUMER.MSG.NEXT.EVENTS.own', '1'],
  ['$JS.API.CONSUMER.MSG.NEXT.EVENTS.own', '{"batch":1,"expires":1000000}'],
  [
    '$JS.API.CONSUMER.CREATE.EVENTS.own',
    '{"stream_name":"EVENTS","config":{"name":"own","durable_name":"own","ack_policy":"explicit"}}'
  ]
]

test.each(TARGETS)('no call of a stranger has its answer act on %s', async (target) => {
  const before = await scene.state()
  for (const [subject, body] of CALLS) scene.stranger.publish(subject, body, { reply: target })
  await scene.stranger.flush()
  await nothing()
  expect(await scene.state()).toEqual(before)
})

test.each(TARGETS)('no call of a named subscriber has its answer act on %s', async (target) => {
  const before = await scene.state()
  for (const [subject, body] of CALLS) {
    scene.ada.publish(subject.replace('.own', '.ada'), body.replaceAll('own', 'ada'), { reply: target })
  }
  await scene.ada.flush()
  await nothing()
  expect(await scene.state()).toEqual(before)
})

test.each(TARGETS)('no push consumer of a stranger acts on %s', async (target) => {
  const before = await scene.state()
  const name = `push-${TARGETS.indexOf(target)}`
  await ask(scene.stranger, `$JS.API.CONSUMER.CREATE.EVENTS.${name}`, {
    stream_name: 'EVENTS',
    config: { name, deliver_subject: target, deliver_policy: 'all', ack_policy: 'none' }
  })
  await ask(scene.ada, '$JS.API.CONSUMER.CREATE.EVENTS.ada_2', {
    stream_name: 'EVENTS',
    config: { name: 'ada_2', deliver_subject: target, deliver_policy: 'all', ack_policy: 'none' }
  })
  await nothing()
  expect(await scene.state()).toEqual(before)
})

test.each([
  ['CONSUMER.CREATE.EVENTS.other', { durable_name: 'feed-posts' }],
  ['CONSUMER.CREATE.EVENTS.other', { name: 'feed-posts' }],
  ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'feed-posts' }],
  ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'other', name: 'feed-posts' }]
])('a stranger cannot take over a consumer of ours by %s with %o', async (call, names) => {
  const before = await scene.state()
  await ask(scene.stranger, `$JS.API.${call}`, {
    stream_name: 'EVENTS',
    config: { ...names, ack_policy: 'explicit', deliver_policy: 'all', filter_subject: 'events.auth.>' }
  })
  expect(await scene.state()).toEqual(before)
})
