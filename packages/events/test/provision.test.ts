import { jetstream, jetstreamManager, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { provision } from '../src/provision.ts'
import { connectAs, createStage } from './support/stage.ts'

const stage = createStage()
let nats: TestBroker
let servers: string
beforeEach(async () => {
  nats = stage.defer(await startBroker({ provisioned: false }), (broker) => broker.stop())
  servers = nats.urlOf('provisioner')
})
afterEach(() => stage.close())

const manager = async () => jetstreamManager(await connectAs({ nats, ...stage }, 'provisioner'), { checkAPI: false })

test('a check on an empty server says what is missing and makes nothing; provisioning makes it; again it changes nothing', async () => {
  const missing = ['stream EVENTS: made', 'stream DEAD_LETTERS: made', 'consumer feed-users: made', 'consumer feed-posts: made', 'consumer posts-users: made']
  expect((await provision({ servers, check: true })).changes).toEqual(missing)
  expect(await (await manager()).streams.names().next()).toEqual([])
  expect((await provision({ servers })).changes).toEqual(missing)
  expect((await provision({ servers })).changes).toEqual([])
  expect((await provision({ servers, check: true })).changes).toEqual([])
})

test('what was changed by hand and loses nothing is put right', async () => {
  await provision({ servers })
  const jsm = await manager()
  await jsm.streams.update('EVENTS', { ...(await jsm.streams.info('EVENTS')).config, duplicate_window: 1e9 })
  await jsm.consumers.update('EVENTS', 'feed-posts', { max_ack_pending: 5 })
  expect((await provision({ servers, check: true })).changes).toEqual(['stream EVENTS: duplicate_window: 1000000000 → 600000000000', 'consumer feed-posts: max_ack_pending: 5 → 2000'])
  await provision({ servers })
  expect((await provision({ servers, check: true })).changes).toEqual([])
})

test('a service that provisions while others run loses none of their progress', async () => {
  await provision({ servers })
  const jsm = await manager()
  await jsm.jetstream().publish('events.posts.post-created.v1', 'x')
  const feed = jetstream(await connectAs({ nats, ...stage }, 'feed'))
  const message = await (await feed.consumers.get('EVENTS', 'feed-posts')).next({ expires: 1_000 })
  await message!.ackAck()
  await provision({ servers })
  expect((await jsm.consumers.info('EVENTS', 'feed-posts')).ack_floor.stream_seq).toBe(1)
})

const LOSSY: [string, Partial<StreamConfig>][] = [
  ['retention', { retention: RetentionPolicy.Interest }], ['retention', { retention: RetentionPolicy.Workqueue }], ['storage', { storage: StorageType.Memory }],
  ['max_msgs', { max_msgs: 10 }], ['max_bytes', { max_bytes: 1e6 }], ['max_age', { max_age: 1e12 }], ['max_msgs_per_subject', { max_msgs_per_subject: 1 }],
  ['events.>', { subjects: ['events.auth.>'] }]
]
test.each(LOSSY)('a stream whose %s would lose events is refused, and left as it is: %o', async (word, config) => {
  const jsm = await manager()
  await jsm.streams.add({ name: 'EVENTS', subjects: ['events.>'], ...config })
  const before = await jsm.streams.info('EVENTS')
  await expect(provision({ servers })).rejects.toThrow(new RegExp(`^stream EVENTS: .*${word.replace('.', '\\.')}`))
  expect((await jsm.streams.info('EVENTS')).config).toEqual(before.config)
  expect(await jsm.streams.names().next()).toEqual(['EVENTS'])
})
