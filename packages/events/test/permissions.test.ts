import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectAs, createStage, eventually } from './support/stage.ts'
import { type BrokerAccount, startBroker, type TestBroker } from '@gatepost/testing/broker'

const stage = createStage()
let nats: TestBroker
let admin: NatsConnection
let posts: NatsConnection
let stranger: NatsConnection
const violations: string[] = []
beforeAll(async () => {
  nats = stage.defer(await startBroker(), (broker) => broker.stop())
  admin = await connectAs({ nats, ...stage }, 'provisioner')
  posts = await connectAs({ nats, ...stage }, 'posts')
  stranger = await connectAs({ nats, ...stage }, undefined)
  void (async () => { for await (const status of stranger.status()) if (status.type === 'error') violations.push(status.error.message) })()
  for (let count = 0; count < 5; count++) await jetstream(posts).publish('events.posts.post-created.v1', JSON.stringify({ count }))
  await ask(stranger, '$JS.API.CONSUMER.CREATE.EVENTS.own', { stream_name: 'EVENTS', config: { name: 'own', durable_name: 'own', ack_policy: 'explicit' } })
})
afterAll(() => stage.close())
beforeEach(() => { violations.length = 0 })

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
    consumers: own.map(({ config, ack_floor: floor, delivered }) => ({ config, floor: floor.stream_seq, delivered: delivered.stream_seq }))
  }
}

const nothing = () => new Promise((resolve) => setTimeout(resolve, 150))

const FORBIDDEN = [
  ...events.map((event) => event.subject), 'dead-letters.feed-posts', '$SYS.REQ.SERVER.PING',
  ...['STREAM.CREATE', 'STREAM.UPDATE', 'STREAM.DELETE', 'STREAM.PURGE', 'STREAM.MSG.DELETE', 'STREAM.SNAPSHOT', 'STREAM.RESTORE', 'STREAM.LEADER.STEPDOWN'].map((call) => `$JS.API.${call}.EVENTS`),
  '$JS.API.STREAM.CREATE.MINE', '$JS.API.STREAM.INFO.DEAD_LETTERS', '$JS.API.STREAM.MSG.GET.DEAD_LETTERS', '$JS.API.CONSUMER.CREATE.DEAD_LETTERS.own', '$JS.API.STREAM.LIST',
  '$JS.API.CONSUMER.CREATE.EVENTS', '$JS.API.CONSUMER.LIST.EVENTS', '$JS.API.CONSUMER.NAMES.EVENTS',
  ...Object.keys(consumers).flatMap((name) => [
    `$JS.API.CONSUMER.CREATE.EVENTS.${name}`, `$JS.API.CONSUMER.CREATE.EVENTS.${name}.events.>`, `$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.${name}`,
    `$JS.API.CONSUMER.DELETE.EVENTS.${name}`, `$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`, `$JS.ACK.EVENTS.${name}.1.1.1.0.0`
  ])
]

test.each(FORBIDDEN)('a stranger may not publish to %s', async (subject) => {
  stranger.publish(subject, '{}')
  await stranger.flush()
  expect(await eventually(() => violations[0])).toContain('Permissions Violation for Publish')
})

test.each(['>', '$JS.>', '_INBOX_posts.>', '_INBOX_provisioner.>', 'dead-letters.>', '$SYS.>', '*.posts.>'])('a stranger may not listen to %s', async (subject) => {
  const subscription = stranger.subscribe(subject, { callback: () => undefined })
  await stranger.flush()
  expect(await eventually(() => violations[0])).toContain('Permissions Violation for Subscription')
  subscription.unsubscribe()
})

// The server answers to whatever reply subject a request names, and delivers wherever a push consumer says, in its own name.
const TARGETS = [
  'events.posts.post-created.v1', 'dead-letters.feed-posts', '$JS.API.STREAM.PURGE.EVENTS', '$JS.API.STREAM.DELETE.EVENTS',
  '$JS.API.CONSUMER.DELETE.EVENTS.feed-posts', '$JS.API.STREAM.MSG.DELETE.EVENTS', '$JS.ACK.EVENTS.feed-posts.1.1.1.0.0'
]
const CALLS: [string, string][] = [
  ['$JS.API.INFO', ''], ['$JS.API.STREAM.INFO.EVENTS', ''], ['$JS.API.STREAM.NAMES', ''], ['$JS.API.STREAM.MSG.GET.EVENTS', '{"seq":1}'], ['$JS.API.DIRECT.GET.EVENTS', '{"seq":1}'],
  ['$JS.API.DIRECT.GET.EVENTS.events.posts.post-created.v1', ''], ['$JS.API.CONSUMER.INFO.EVENTS.own', ''], ['$JS.API.CONSUMER.MSG.NEXT.EVENTS.own', '1'],
  ['$JS.API.CONSUMER.MSG.NEXT.EVENTS.own', '{"batch":1,"expires":1000000}'], ['$JS.API.CONSUMER.CREATE.EVENTS.own', '{"stream_name":"EVENTS","config":{"name":"own","durable_name":"own","ack_policy":"explicit"}}']
]

test.each(TARGETS)('no call of a stranger has its answer act on %s', async (target) => {
  const before = await state()
  for (const [subject, body] of CALLS) stranger.publish(subject, body, { reply: target })
  await stranger.flush()
  await nothing()
  expect(await state()).toEqual(before)
})

test.each(TARGETS)('no push consumer of a stranger acts on %s', async (target) => {
  const before = await state()
  const name = `push-${TARGETS.indexOf(target)}`
  await ask(stranger, `$JS.API.CONSUMER.CREATE.EVENTS.${name}`, { stream_name: 'EVENTS', config: { name, deliver_subject: target, deliver_policy: 'all', ack_policy: 'none' } })
  await nothing()
  expect(await state()).toEqual(before)
})

test.each([
  ['CONSUMER.CREATE.EVENTS.other', { durable_name: 'feed-posts' }], ['CONSUMER.CREATE.EVENTS.other', { name: 'feed-posts' }],
  ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'feed-posts' }], ['CONSUMER.DURABLE.CREATE.EVENTS.other', { durable_name: 'other', name: 'feed-posts' }]
])('a stranger cannot take over a consumer of ours by %s with %o', async (call, names) => {
  const before = await state()
  await ask(stranger, `$JS.API.${call}`, { stream_name: 'EVENTS', config: { ...names, ack_policy: 'explicit', deliver_policy: 'all', filter_subject: 'events.auth.>' } })
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
  stranger.subscribe('_INBOX.push', { callback: (_error, message) => { pushed.push(message.subject) } })
  await ask(stranger, '$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.pushed', { stream_name: 'EVENTS', config: { durable_name: 'pushed', deliver_subject: '_INBOX.push', ack_policy: 'none' } })
  await eventually(() => pushed.length === sequences.length)
})

const SERVICES = ['auth', 'posts', 'feed', 'gateway'] as const

/** Which of the subjects the server refuses to take from an account. */
async function refusedOf (account: BrokerAccount, subjects: string[]) {
  const url = new URL(nats.urlOf(account))
  const nc = await connect({ servers: url.host, user: url.username, pass: url.password, inboxPrefix: `_INBOX_${account}` })
  const refused: string[] = []
  void (async () => { for await (const status of nc.status()) if (status.type === 'error') refused.push(/to "(.*)"/.exec(status.error.message)![1]!) })()
  for (const subject of subjects) nc.publish(subject, '', { reply: `_INBOX_${account}.x` })
  await nc.flush()
  await nothing()
  await nc.close()
  return refused
}

test.each(SERVICES)('%s publishes its own events and no others', async (service) => {
  const refused = await refusedOf(service, events.map((event) => event.subject))
  expect(refused.sort()).toEqual(events.filter((event) => event.owner !== service).map((event) => event.subject).sort())
})

test.each(SERVICES)('%s pulls, acknowledges and buries for its own consumers and no others, makes its own again, and deletes none of ours', async (service) => {
  const names = Object.keys(consumers)
  const own = Object.values(consumers).filter((consumer) => consumer.service === service).map((consumer) => consumer.name)
  const uses = (name: string) => [`$JS.API.CONSUMER.MSG.NEXT.EVENTS.${name}`, `$JS.ACK.EVENTS.${name}.1.1.1.0.0`, `dead-letters.${name}`]
  const changes = (name: string) => [`$JS.API.CONSUMER.CREATE.EVENTS.${name}`, `$JS.API.CONSUMER.CREATE.EVENTS.${name}.>`, `$JS.API.CONSUMER.DURABLE.CREATE.EVENTS.${name}`, `$JS.API.CONSUMER.DELETE.EVENTS.${name}`]
  const refused = await refusedOf(service, names.flatMap((name) => [...uses(name), ...changes(name)]))
  const permitted = own.flatMap((name) => [...uses(name), `$JS.API.CONSUMER.CREATE.EVENTS.${name}.>`])
  expect(refused.sort()).toEqual(names.flatMap((name) => [...uses(name), ...changes(name)]).filter((subject) => !permitted.includes(subject)).sort())
})

test.each(SERVICES)('%s can neither change the stream nor listen to another\'s answers', async (service) => {
  const calls = ['STREAM.DELETE.EVENTS', 'STREAM.PURGE.EVENTS', 'STREAM.UPDATE.EVENTS', 'CONSUMER.CREATE.EVENTS', 'CONSUMER.CREATE.DEAD_LETTERS.mine']
  const erasing = ['STREAM.MSG.DELETE.EVENTS', 'STREAM.MSG.GET.DEAD_LETTERS', 'STREAM.MSG.DELETE.DEAD_LETTERS']
  const erases = events.some((event) => event.owner === service && event.erasable)
  const refused = await refusedOf(service, [...calls, ...erasing].map((call) => `$JS.API.${call}`))
  expect(refused.sort()).toEqual([...calls, ...erases ? [] : erasing].map((call) => `$JS.API.${call}`).sort())
  const nc = await connectAs({ nats, ...stage }, service)
  const other = SERVICES.find((name) => name !== service)!
  const error = await new Promise<Error | null>((resolve) => { nc.subscribe(`_INBOX_${other}.>`, { callback: resolve }) })
  expect(error?.message).toContain('Permissions Violation for Subscription')
})
