import { consumers } from '@gatepost/contracts/events'
import {
  jetstream,
  jetstreamManager,
  type ConsumerConfig,
  DeliverPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig
} from '@nats-io/jetstream'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectOperator } from '../src/operator.ts'
import { provision, replicasFrom } from '../src/provision.ts'
import { consumerConfig } from '../src/provision/configuration.ts'
import { rewindConsumer } from '../src/rewind.ts'
import { startCluster } from './support/cluster.ts'
import { connectAs, createStage, eventually } from './support/stage.ts'

const stage = createStage()
let nats: TestBroker
let servers: string
beforeEach(async () => {
  nats = stage.defer(await startBroker({ provisioned: false }), (broker) => broker.stop())
  servers = nats.urlOf('provisioner')
})
afterEach(() => stage.close())

const manager = async () => jetstreamManager(await connectAs({ nats, ...stage }, 'provisioner'), { checkAPI: false })

test('a check names missing parts and makes nothing; provisioning makes them, and again changes nothing', async () => {
  const missing = [
    'stream EVENTS: made',
    'stream DEAD_LETTERS: made',
    ...Object.keys(consumers).map((name) => `consumer ${name}: made`)
  ]
  expect((await provision({ servers, check: true })).changes).toEqual(missing)
  expect(await (await manager()).streams.names().next()).toEqual([])
  expect((await provision({ servers })).changes).toEqual(missing)
  expect((await provision({ servers })).changes).toEqual([])
  expect((await provision({ servers, check: true })).changes).toEqual([])
})

test('harmless settings that were changed by hand are put right', async () => {
  await provision({ servers })
  const jsm = await manager()
  await jsm.streams.update('EVENTS', { ...(await jsm.streams.info('EVENTS')).config, duplicate_window: 1e9 })
  await jsm.consumers.update('EVENTS', 'feed-posts', { max_ack_pending: 5 })
  expect((await provision({ servers, check: true })).changes).toEqual([
    'stream EVENTS: duplicate_window: 1000000000 → 600000000000',
    'consumer feed-posts: max_ack_pending: 5 → 2000'
  ])
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

/** A durable that has gone through two of four events. */
async function halfRead () {
  await provision({ servers })
  const jsm = await manager()
  for (const text of ['1', '2', '3', '4']) await jsm.jetstream().publish('events.posts.post-created.v1', text)
  const consumer = await jetstream(await connectAs({ nats, ...stage }, 'feed')).consumers.get('EVENTS', 'feed-posts')
  for (let count = 0; count < 2; count++) await (await consumer.next({ expires: 1_000 }))!.ackAck()
  return jsm
}

test('a consumer that was rewound takes the settings of a later release, and stays rewound', async () => {
  const jsm = await halfRead()
  const operator = stage.defer(await connectOperator(servers), (connected) => connected.close())
  await rewindConsumer(operator, consumers['feed-posts']!, 2)
  await jsm.consumers.update('EVENTS', 'feed-posts', { max_ack_pending: 5 })
  expect((await provision({ servers })).changes).toEqual(['consumer feed-posts: max_ack_pending: 5 → 2000'])
  expect((await jsm.consumers.info('EVENTS', 'feed-posts')).num_pending).toBe(3)
  expect((await provision({ servers, check: true })).changes).toEqual([])
})

const UNCHANGEABLE: [string, Partial<ConsumerConfig>][] = [['max_waiting', { max_waiting: 7 }], ['deliver_subject', {
  deliver_subject: 'events-here'
}], ['inactive_threshold', { inactive_threshold: 60e9 }]]
test.each(UNCHANGEABLE)(
  'a consumer whose %s cannot be changed, or would end it, is made anew where it was',
  async (name, config) => {
    const jsm = await halfRead()
    await jsm.consumers.delete('EVENTS', 'feed-posts')
    const { max_waiting: waiting, ...rest } = consumerConfig(consumers['feed-posts']!)
    await jsm.consumers.add('EVENTS', {
      ...rest,
      ...config.deliver_subject ? {} : { max_waiting: waiting },
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: 3,
      ...config
    })
    expect((await provision({ servers })).changes).toEqual([expect.stringMatching(`^consumer feed-posts: .*${name}`)])
    expect((await jsm.consumers.info('EVENTS', 'feed-posts')).num_pending).toBe(2)
    expect((await provision({ servers, check: true })).changes).toEqual([])
  }
)

test('a consumer that is missing can be rewound to the beginning', async () => {
  const jsm = await halfRead()
  await jsm.consumers.delete('EVENTS', 'feed-posts')
  const operator = stage.defer(await connectOperator(servers), (connected) => connected.close())
  await expect(rewindConsumer(operator, consumers['feed-posts']!, 2)).rejects.toThrow('--from may be at most 1')
  await rewindConsumer(operator, consumers['feed-posts']!, 1)
  expect((await jsm.consumers.info('EVENTS', 'feed-posts')).num_pending).toBe(4)
})

test('more copies than the broker can keep are refused, and the remedy is named', async () => {
  await provision({ servers })
  await expect(provision({ servers, replicas: 3 })).rejects
    .toThrow(/^NATS_REPLICAS is 3, and this NATS is a single server: more than 1 needs a cluster/)
  expect((await (await manager()).streams.info('EVENTS')).config.num_replicas).toBe(1)
})

test.each(['three', '0', '2', '3.5', '-1', ' '])('NATS_REPLICAS=%j is refused', (text) => {
  expect(() => replicasFrom(text)).toThrow(/^NATS_REPLICAS/)
})

test('on a cluster streams get the copies that are asked for, also when they exist, and keep them when nobody asks', {
  timeout: 60_000
}, async () => {
  const cluster = stage.defer(await startCluster(), (started) => started.stop())
  const servers = cluster.urlOf('provisioner')
  await eventually(() => provision({ servers, replicas: 1 }).catch(() => undefined), Boolean, 20_000)
  const operator = stage.defer(await connectOperator(servers), (connected) => connected.close())
  const copies = async () => (await operator.jsm.streams.info('EVENTS')).config.num_replicas
  expect(await copies()).toBe(1)
  await expect(provision({ servers, replicas: 5 })).rejects
    .toThrow(/^stream EVENTS: num_replicas: 1 → 5: NATS refuses it \(.*\); NATS_REPLICAS: more than 1 needs/)
  expect((await provision({ servers, replicas: 3 })).changes).toEqual([
    'stream EVENTS: num_replicas: 1 → 3',
    'stream DEAD_LETTERS: num_replicas: 1 → 3'
  ])
  expect((await provision({ servers })).changes).toEqual([])
  expect(await copies()).toBe(3)
  await eventually(
    async () => (await operator.jsm.streams.info('EVENTS')).cluster?.replicas?.filter((peer) => peer.current).length,
    (count) => count === 2
  )
  await eventually(
    async () =>
      (await operator.jsm.consumers.info('EVENTS', 'feed-posts')).cluster?.replicas?.filter((peer) => peer.current)
        .length,
    (count) => count === 2
  )
  await provision({ servers, replicas: 1 })
  expect(await copies()).toBe(1)
})

const LOSSY: [string, Partial<StreamConfig>][] = [
  ['retention', { retention: RetentionPolicy.Interest }],
  ['retention', { retention: RetentionPolicy.Workqueue }],
  ['storage', { storage: StorageType.Memory }],
  ['max_msgs', { max_msgs: 10 }],
  ['max_bytes', { max_bytes: 1e6 }],
  ['max_age', { max_age: 1e12 }],
  ['max_msgs_per_subject', { max_msgs_per_subject: 1 }],
  ['deny_delete', { deny_delete: true }],
  ['no_ack', { no_ack: true }],
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
