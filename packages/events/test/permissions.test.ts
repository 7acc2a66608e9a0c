import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { brokerAuthorization, type BrokerCredentials } from '../src/permissions.ts'
import { connectAs, createStage, eventually } from './support/stage.ts'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'

const stage = createStage()
let nats: TestBroker
let admin: NatsConnection
let posts: NatsConnection
let stranger: NatsConnection
let ada: NatsConnection
const ADA = { name: 'ada', password: 'secret-of-ada', consumers: 2 }
const BOB = { name: 'bob', password: 'secret-of-bob', consumers: 1 }
const violations: string[] = []
beforeAll(async () => {
  nats = stage.defer(await startBroker({ subscribers: [ADA, BOB] }), (broker) => broker.stop())
  admin = await connectAs({ nats, ...stage }, 'provisioner')
  posts = await connectAs({ nats, ...stage }, 'posts')
  stranger = await connectAs({ nats, ...stage }, undefined)
  ada = await connectSubscriber(ADA)
  for (const nc of [stranger, ada]) {
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') violations.push(status.error.message)
    })()
  }
  for (let count = 0; count < 5; count++) {
    await jetstream(posts).publish('events.posts.post-created.v1', JSON.stringify({ count }))
  }
  await ask(stranger, '$JS.API.CONSUMER.CREATE.EVENTS.own', {
    stream_name: 'EVENTS',
    config: { name: 'own', durable_name: 'own', ack_policy: 'explicit' }
  })
})
afterAll(() => stage.close())
beforeEach(() => { violations.length = 0 })

async function connectSubscriber ({ name, password }: { name: string, password: string }) {
  return stage.defer(
    await connect({ servers: new URL(nats.url).host, user: name, pass: password, inboxPrefix: `_INBOX_${name}` }),
    (nc) => nc.close()
  )
}

async function ask (nc: NatsConnection, subject: string, body: object | string = '') {
  const answer = await nc.request(subject, typeof body === 'string' ? body : JSON.stringify(body), { timeout: 2_000 })
  return answer.json<{ error?: { description: string }, name?: string }>()
}

/** All that no stranger may change. */
async function state () {
  const jsm = await jetstreamManager(admin, { checkAPI: false })
  const stream = await jsm.streams.info(EVENTS_STREAM)
  const letters = await jsm.streams.info('DEAD_LETTERS')
  const own = await Promise.all(Object.keys(consumers).map((name) => jsm.consumers.info(EVENTS_STREAM, name)))
  return {
    config: stream.config,
    messages: stream.state.messages,
    first: stream.state.first_seq,
    last: stream.state.last_seq,
    letters: letters.state.messages,
    consumers: own.map(({ config, ack_floor: floor, delivered }) => ({
      config,
      floor: floor.stream_seq,
      delivered: delivered.stream_seq
    }))
  }
}

const nothing = () => new Promise((resolve) => setTimeout(resolve, 150))

const FORBIDDEN = [
  ...events.map((event) => event.subject),
  'dead-letters.feed-posts',
  '$SYS.REQ.SERVER.PING',
  ...[
    'STREAM.CREATE',
    'STREAM.UPDATE',
    'STREAM.DELETE',
    'STREAM.PURGE',
    'STREAM.MSG.DELETE',
    'STREAM.SNAPSHOT',
    'STREAM.RESTORE',
    'STREAM.LEADER.STEPDOWN'
  ].map((call) => `$JS.API.${call}.EVENTS`),
  '$JS.API.STREAM.CREATE.MINE',
  '$JS.API.STREAM.INFO.DEAD_LETTERS',
  '$JS.API.STREAM.MSG.GET.DEAD_LETTERS',
  '$JS.API.CONSUMER.CREATE.DEAD_LETTERS.own',
  '$JS.API.STREAM.LIST',
  '$JS.API.CONSUMER.CREATE.EVENTS',
  '$JS.API.CONSUMER.DELETE.EVENTS.own',
  '$JS.API.CONSUMER.LIST.EVENTS',
  '$JS.API.CONSUMER.NAMES.EVENTS',
  ...[...Object.keys(consumers), 'ada', 'ada_2', 'bob'].flatMap((name) => [
    `$JS.API.CONSUMER.CREATE.EVENTS.${name}`,
    `$JS.API.CONSUMER.CREATE.EVENTS.${name}.events.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.${name}`,
    `$JS.API.CONSUMER.DELETE.EVENTS.${name}`,
    `$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`,
    `$JS.ACK.EVENTS.${name}.1.1.1.0.0`,
    `$JS.FC.EVENTS.${name}.x`
  ])
]

/** What is a named subscriber's own, and what of the rest is open to it. */
const OPEN_TO_ADA = FORBIDDEN.filter((subject) => /\.(ada|ada_2)(\.|$)/.test(subject))
const FORBIDDEN_TO_ADA = [
  ...FORBIDDEN.filter((subject) => !OPEN_TO_ADA.includes(subject)),
  ...['ada_3', 'own', 'anything'].flatMap((
    name
  ) => [
    `$JS.API.CONSUMER.CREATE.EVENTS.${name}`,
    `$JS.API.CONSUMER.INFO.EVENTS.${name}`,
    `$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`,
    `$JS.ACK.EVENTS.${name}.1.1.1.0.0`
  ])
]

test.each(FORBIDDEN_TO_ADA)('a named subscriber may not publish to %s', async (subject) => {
  ada.publish(subject, '{}')
  await ada.flush()
  expect(await eventually(() => violations[0])).toContain('Permissions Violation for Publish')
})

test('a named subscriber may use every name that is its own', async () => {
  expect(OPEN_TO_ADA).toHaveLength(14)
  for (const subject of OPEN_TO_ADA) ada.publish(subject, 'no request')
  await ada.flush()
  await nothing()
  expect(violations).toEqual([])
})

test.each(FORBIDDEN)('a stranger may not publish to %s', async (subject) => {
  stranger.publish(subject, '{}')
  await stranger.flush()
  expect(await eventually(() => violations[0])).toContain('Permissions Violation for Publish')
})

test.each(['>', '_INBOX.>', '_INBOX_bob.>', '_INBOX_posts.>', '$JS.>', 'dead-letters.>'])(
  'a named subscriber may not listen to %s',
  async (subject) => {
    const subscription = ada.subscribe(subject, { callback: () => undefined })
    await ada.flush()
    expect(await eventually(() => violations[0])).toContain('Permissions Violation for Subscription')
    subscription.unsubscribe()
  }
)

test.each([
  '>',
  '$JS.>',
  '_INBOX_ada.>',
  '_INBOX_posts.>',
  '_INBOX_provisioner.>',
  'dead-letters.>',
  '$SYS.>',
  '*.posts.>'
])('a stranger may not listen to %s', async (subject) => {
  const subscription = stranger.subscribe(subject, { callback: () => undefined })
  await stranger.flush()
  expect(await eventually(() => violations[0])).toContain('Permissions Violation for Subscription')
  subscription.unsubscribe()
})

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
  const before = await state()
  for (const [subject, body] of CALLS) stranger.publish(subject, body, { reply: target })
  await stranger.flush()
  await nothing()
  expect(await state()).toEqual(before)
})

test.each(TARGETS)('no call of a named subscriber has its answer act on %s', async (target) => {
  const before = await state()
  for (const [subject, body] of CALLS) {
    ada.publish(subject.replace('.own', '.ada'), body.replaceAll('own', 'ada'), { reply: target })
  }
  await ada.flush()
  await nothing()
  expect(await state()).toEqual(before)
})

test.each(TARGETS)('no push consumer of a stranger acts on %s', async (target) => {
  const before = await state()
  const name = `push-${TARGETS.indexOf(target)}`
  await ask(stranger, `$JS.API.CONSUMER.CREATE.EVENTS.${name}`, {
    stream_name: 'EVENTS',
    config: { name, deliver_subject: target, deliver_policy: 'all', ack_policy: 'none' }
  })
  await ask(ada, '$JS.API.CONSUMER.CREATE.EVENTS.ada_2', {
    stream_name: 'EVENTS',
    config: { name: 'ada_2', deliver_subject: target, deliver_policy: 'all', ack_policy: 'none' }
  })
  await nothing()
  expect(await state()).toEqual(before)
})

test.each([
  ['CONSUMER.CREATE.EVENTS.other', { durable_name: 'feed-posts' }],
  ['CONSUMER.CREATE.EVENTS.other', { name: 'feed-posts' }],
  ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'feed-posts' }],
  ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'other', name: 'feed-posts' }]
])('a stranger cannot take over a consumer of ours by %s with %o', async (call, names) => {
  const before = await state()
  await ask(stranger, `$JS.API.${call}`, {
    stream_name: 'EVENTS',
    config: { ...names, ack_policy: 'explicit', deliver_policy: 'all', filter_subject: 'events.auth.>' }
  })
  expect(await state()).toEqual(before)
})

test('a stranger reads the stream: live, from the beginning, by a durable consumer that it acknowledges, and by a push consumer', async () => {
  const live: string[] = []
  stranger.subscribe('events.>', { callback: (_error, message) => { live.push(message.subject) } })
  await stranger.flush()
  await jetstream(posts).publish('events.posts.post-created.v1', '{}')
  await eventually(() => live.length === 1)
  const jsm = await jetstreamManager(stranger)
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
  stranger.subscribe('_INBOX.push', {
    callback: (_error, message) => {
      pushed.push(message.subject)
    }
  })
  await ask(stranger, '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.pushed', {
    stream_name: 'EVENTS',
    config: { durable_name: 'pushed', deliver_subject: '_INBOX.push', ack_policy: 'none' }
  })
  await eventually(() => pushed.length === sequences.length)
})

test('a named subscriber reads by a durable and a push consumer of its own, and deletes them', async () => {
  const js = jetstream(ada)
  const jsm = await jetstreamManager(ada)
  await jsm.consumers.add('EVENTS', { durable_name: 'ada', ack_policy: AckPolicy.Explicit }).catch(() => undefined)
  const durable = await js.consumers.get('EVENTS', 'ada')
  const message = await durable.next({ expires: 1_000 })
  expect(await message!.ackAck()).toBe(true)
  await jsm.consumers.delete('EVENTS', 'ada_2').catch(() => undefined)
  const pushed: string[] = []
  ada.subscribe('_INBOX_ada.push', {
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

test('what a named subscriber is sent is heard by nobody else', async () => {
  const heard: string[] = []
  const other = await connectAs({ nats, ...stage }, undefined)
  other.subscribe('_INBOX.>', { callback: (_error, { subject }) => { heard.push(subject) } })
  const bob = await connectSubscriber(BOB)
  bob.subscribe('_INBOX_bob.>', { callback: (_error, { subject }) => { heard.push(subject) } })
  await Promise.all([other.flush(), bob.flush()])
  await ask(ada, '$JS.API.CONSUMER.CREATE.EVENTS.ada', {
    stream_name: 'EVENTS',
    config: { name: 'ada', durable_name: 'ada', ack_policy: 'explicit' }
  })
  expect(await (await jetstream(ada).consumers.get('EVENTS', 'ada')).next({ expires: 1_000 })).not.toBeNull()
  await nothing()
  expect(heard).toEqual([])
})

test('our own readers have a share of the consumers that subscribers cannot use up; without anonymous access there is none', () => {
  const credentials = Object
    .fromEntries(['auth', 'posts', 'feed', 'gateway', 'provisioner'].map((
      user
    ) => [user, { user, password: 'x' }])) as BrokerCredentials
  const text = brokerAuthorization(credentials, { subscribers: [ADA, BOB] })
  expect(text).toContain('max_consumers: 2003 ')
  expect(text).not.toContain('no_auth_user')
})
