import { spawn } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { asyncApi } from '@gatepost/contracts/asyncapi'
import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated, postDeleted } from '@gatepost/contracts/posts/events'
import { userRegistered } from '@gatepost/contracts/auth/events'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import { AckPolicy, jetstream, jetstreamManager, type ConsumerConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { randomUUIDv7 } from 'node:crypto'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { createDedupe } from '../src/dedupe.ts'
import { subscribe, type Delivery, type Subscription } from '../src/subscribe.ts'

let nats: TestBroker
let provisioner: NatsConnection
const open: Subscription[] = []
beforeEach(async () => {
  nats = await startBroker()
  const { host, username: user, password: pass } = new URL(nats.urlOf('provisioner'))
  provisioner = await connect({
    servers: host,
    user,
    pass,
    inboxPrefix: '_INBOX_provisioner',
    reconnectTimeWait: 100,
    maxReconnectAttempts: -1
  })
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((subscription) => subscription.stop()))
  await provisioner.close()
  await nats.stop()
})

function created (title = 'Hello', authorId = randomUUIDv7()) {
  const postId = randomUUIDv7()
  return eventOf(postCreated, postId, {
    postId,
    authorId,
    title,
    content: 'World',
    createdAt: new Date().toISOString()
  })
}

function eventOf (
  definition: { type: string, source: string, subject: string },
  subject: string,
  data: object
): CloudEvent {
  return {
    specversion: '1.0',
    id: randomUUIDv7(),
    source: definition.source,
    type: definition.type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    dataschema: '/asyncapi.json',
    aggregateversion: 1,
    data
  }
}

async function publish (...events: CloudEvent[]) {
  for (const event of events) {
    await jetstream(provisioner, { timeout: 1_500 }).publish(`events.${event.type}`, JSON.stringify(event), {
      msgID: event.id
    })
  }
}

async function follow (
  options: Partial<Parameters<typeof subscribe<[typeof postCreated]>>[0]> & {
    onEvent: (event: CloudEvent<{ title: string }>, delivery: Delivery) => void | Promise<void>
  }
) {
  const subscription = await subscribe({ servers: nats.url, events: [postCreated], ...options })
  open.push(subscription)
  return subscription
}

test('events come typed, in order, from the first on, and only those that were asked for', async () => {
  const userId = randomUUIDv7()
  await publish(
    created('one'),
    eventOf(userRegistered, userId, { userId, displayName: 'Ada', registeredAt: new Date().toISOString() }),
    created('two')
  )
  const seen: string[] = []
  open.push(await subscribe({
    servers: nats.url,
    events: [postCreated, userRegistered],
    onEvent (event, { sequence }) {
      expectTypeOf(event.data).toMatchTypeOf<{ title: string } | { displayName: string }>()
      seen.push(`${sequence} ${'title' in event.data ? event.data.title : event.data.displayName}`)
    }
  }))
  await eventually(() => expect(seen).toEqual(['1 one', '2 Ada', '3 two']))
  const posts: string[] = []
  await follow({ events: [postCreated], onEvent: (event) => { posts.push(event.data.title) } })
  await eventually(() => expect(posts).toEqual(['one', 'two']))
})

test('a durable subscription goes on where it was; without a name it begins where it is told', async () => {
  await publish(created('one'), created('two'))
  const seen: string[] = []
  const first = await follow({ durable: 'my-program', onEvent: (event) => { seen.push(event.data.title) } })
  await eventually(() => expect(seen).toEqual(['one', 'two']))
  await first.stop()
  await publish(created('three'))
  await follow({ durable: 'my-program', onEvent: (event) => { seen.push(event.data.title) } })
  await eventually(() => expect(seen).toEqual(['one', 'two', 'three']))
  const late: string[] = []
  await follow({ from: { sequence: 2 }, onEvent: (event) => { late.push(event.data.title) } })
  await eventually(() => expect(late).toEqual(['two', 'three']))
})

/** A durable subscription as somebody else would make it; what its program had when it died comes again soon. */
async function makeDurable (config: Partial<ConsumerConfig> = {}) {
  await (await jetstreamManager(provisioner)).consumers.add('EVENTS', {
    durable_name: 'my-program',
    ack_policy: AckPolicy.Explicit,
    filter_subject: 'events.>',
    ack_wait: 600 * 1e6,
    ...config
  })
}
const durable = async () => (await jetstreamManager(provisioner)).consumers.info('EVENTS', 'my-program')

test('what a killed program had, and all that came since, comes to its successor in the order of the stream', async () => {
  await makeDurable()
  await publish(...['one', 'two', 'three'].map((title) => created(title)))
  const program = spawn(process.execPath, [fileURLToPath(new URL('support/hanging-subscriber.ts', import.meta.url))], {
    env: { ...process.env, NATS_URL: nats.url },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let output = ''
  program.stdout.on('data', (chunk) => { output += chunk })
  await eventually(() => expect(output).toBe('one\ntwo\n'), { withinMs: 15_000 })
  program.kill('SIGKILL')
  await publish(created('four'))
  const seen: string[] = []
  await follow({
    durable: 'my-program',
    onEvent: (event, { redelivered }) => {
      seen.push(`${event.data.title}${redelivered ? ' again' : ''}`)
    }
  })
  await publish(created('five'))
  await eventually(() => expect(seen).toContain('five'))
  expect(seen).toEqual(['two again', 'three', 'four', 'five'])
})

test('programs that share a durable subscription take turns: one event at a time, in order', async () => {
  const seen: string[] = []
  let busy = 0
  const options = {
    durable: 'my-program',
    async onEvent (event: CloudEvent<{ title: string }>) {
      expect(++busy).toBe(1)
      await setTimeout(2)
      seen.push(event.data.title)
      busy--
    }
  }
  await Promise.all([follow(options), follow(options)])
  const titles = Array.from({ length: 20 }, (_, at) => `number ${at}`)
  await publish(...titles.map((title) => created(title)))
  await eventually(() => expect(seen).toEqual(titles))
})

test('a durable subscription that was made otherwise keeps the order from now on', async () => {
  await makeDurable({ max_deliver: 3 })
  await follow({ durable: 'my-program', onEvent: () => {} })
  expect((await durable()).config).toMatchObject({
    filter_subject: postCreated.subject,
    max_ack_pending: 1,
    max_deliver: -1
  })
})

test('an event that takes long does not come twice', async () => {
  await makeDurable({ ack_wait: 1_200 * 1e6 })
  const seen: string[] = []
  await follow({
    durable: 'my-program',
    async onEvent (event) {
      seen.push(event.data.title)
      await setTimeout(event.data.title === 'long' ? 2_500 : 0)
    }
  })
  await publish(created('long'), created('short'))
  await eventually(() => expect(seen).toContain('short'))
  expect(seen).toEqual(['long', 'short'])
})

test('an event whose handling fails comes again before any later one, and the dedupe lets its effect happen once', async () => {
  const dedupe = createDedupe()
  const effects: string[] = []
  const errors: string[] = []
  const handled: string[] = []
  await follow({
    onError: (error: Error) => { errors.push(error.message) },
    async onEvent (event: CloudEvent<{ title: string }>) {
      handled.push(event.data.title)
      await dedupe.once(event, () => { effects.push(event.data.title) })
      if (handled.length < 3) throw new Error('after the effect')
    }
  })
  await publish(created('one'), created('two'))
  await eventually(() => expect(handled).toHaveLength(4))
  expect(effects).toEqual(['one', 'two'])
  expect(handled).toEqual(['one', 'one', 'one', 'two'])
  expect(errors).toEqual(['after the effect', 'after the effect'])
})

test('an event that does not fit its contract is told of and passed over', async () => {
  const seen: string[] = []
  const errors: string[] = []
  await follow({
    onError: (error: Error) => {
      errors.push(error.message)
    },
    onEvent: (event) => {
      seen.push(event.data.title)
    }
  })
  await publish({ ...created(), data: { title: 'x' } }, created('good'))
  await eventually(() => expect(seen).toEqual(['good']))
  expect(errors).toEqual([
    expect.stringMatching(/^event 1 does not fit its contract: \/data must have required property/)
  ])
})

test('it goes on after the broker was away', async () => {
  const seen: string[] = []
  await follow({ durable: 'my-program', onEvent: (event) => { seen.push(event.data.title) } })
  await publish(created('before'))
  await eventually(() => expect(seen).toEqual(['before']))
  await eventually(async () => expect((await durable()).num_ack_pending).toBe(0))
  await nats.halt()
  await nats.start()
  await eventually(() => publish(created('after')))
  // At least once: the broker may not have heard that the first was dealt with.
  await eventually(() => expect([...new Set(seen)]).toEqual(['before', 'after']))
})

test('without NATS, or without its stream, it says so at once', async () => {
  await expect(subscribe({ servers: 'nats://127.0.0.1:9', events: [postDeleted], onEvent: () => {} })).rejects
    .toThrow('refused')
  const { host } = new URL(nats.url)
  provisioner.publish('$JS.API.STREAM.DELETE.EVENTS')
  await provisioner.flush()
  await eventually(() =>
    expect(subscribe({ servers: host, events: [postDeleted], onEvent: () => {} })).rejects.toThrow('stream not found')
  )
})

test('the example program counts the posts of each author', async () => {
  const authorId = randomUUIDv7()
  const first = created('one', authorId)
  await publish(
    first,
    created('two', authorId),
    eventOf(postDeleted, first.subject, { postId: first.subject, authorId })
  )
  const program = spawn(process.execPath, [
    fileURLToPath(new URL('../../../examples/post-counter.ts', import.meta.url))
  ], { env: { ...process.env, NATS_URL: nats.url } })
  let output = ''
  program.stdout.on('data', (chunk) => {
    output += chunk
  })
  await eventually(
    () => expect(output).toBe(`${authorId} has 1 posts\n${authorId} has 2 posts\n${authorId} has 1 posts\n`),
    { withinMs: 15_000 }
  )
  program.kill('SIGTERM')
  const code = await new Promise((resolve) => program.once('exit', resolve))
  expect(code).toBe(0)
})

test('the requests that /asyncapi.json tells make a consumer, deliver and acknowledge, without this package', async () => {
  const { operations } = asyncApi(nats.url) as {
    operations: Record<string, { 'x-jetstream': { create: Told, next: Told, acknowledge: Told } }>
  }
  const { create, next, acknowledge } = operations[`send-${postCreated.type}`]!['x-jetstream']
  const named = (told: unknown) => JSON.stringify(told).replaceAll('{name}', 'by-hand')
  const event = created()
  await publish(event)
  const anybody = await connect({ servers: new URL(nats.url).host })
  try {
    // The event comes under its own subject, so each request has an inbox of its own.
    const ask = async ({ subject, request }: Told) =>
      anybody.request(JSON.parse(named(subject)), named(request), { timeout: 5_000, noMux: true })
    expect((await ask(create)).json()).toMatchObject({ name: 'by-hand', num_pending: 1 })
    const message = await ask(next)
    expect(message.json()).toEqual(event)
    expect(message.headers!.get('Nats-Msg-Id')).toBe(event.id)
    message.respond(acknowledge.request as string)
    await eventually(async () =>
      expect((await (await jetstreamManager(provisioner)).consumers.info('EVENTS', 'by-hand')).ack_floor.stream_seq)
        .toBe(1)
    )
  } finally {
    await anybody.close()
  }
})

interface Told { subject: string, request: unknown }
