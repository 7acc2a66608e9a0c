import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, createInbox, type NatsConnection } from '@nats-io/transport-node'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import * as nats2 from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postCreated } from '@gatepost/contracts/posts/events'
import { subscribe } from '../src/subscribe.ts'
import { findPythonClient, readByPython } from './support/python-client.ts'

// Every way to read that docs/events.md names, with the newest two majors of the JavaScript client and with Python's.
const EVENTS = 2_000
const SUBJECT = 'events.posts.post-created.v1'
const ADA = { name: 'ada', password: 'secret-of-ada', consumers: 8 }
const INBOX = '_INBOX_ada'

let broker: TestBroker
let host: string
let publisher: NatsConnection
const opened: { close (): Promise<unknown> }[] = []
beforeAll(async () => {
  broker = await startBroker({ subscribers: [ADA] })
  host = new URL(broker.url).host
  const { username: user, password: pass } = new URL(broker.urlOf('posts'))
  publisher = await connect({ servers: host, user, pass, inboxPrefix: '_INBOX_posts' })
  const js = jetstream(publisher)
  const text = 'x'.repeat(1_000)
  for (let sent = 0; sent < EVENTS; sent += 500) {
    await Promise.all(Array.from({ length: 500 }, () => js.publish(SUBJECT, text)))
  }
})
afterAll(async () => {
  await Promise.all([publisher, ...opened].map((nc) => nc.close()))
  await broker.stop()
})

const credentials = { user: ADA.name, pass: ADA.password, inboxPrefix: INBOX }

async function connect3 (named: boolean) {
  const nc = await connect({ servers: host, ...named && credentials })
  opened.push(nc)
  return nc
}

async function connect2 (named: boolean) {
  const nc = await nats2.connect({ servers: host, ...named && credentials })
  opened.push(nc)
  return nc
}

/** Reads to the end, acknowledging each; a reader that stalls never comes there. */
async function count (messages: AsyncIterable<{ ack (): void, info: { pending: number } }>) {
  let seen = 0
  for await (const message of messages) {
    message.ack()
    seen++
    if (message.info.pending === 0) break
  }
  return seen
}

test.each([[true, 'ada'], [false, 'pull']])(
  '@nats-io/jetstream 3: a pull consumer (named: %s)',
  async (named, name) => {
    const nc = await connect3(named)
    await (await jetstreamManager(nc)).consumers.add('EVENTS', { durable_name: name, ack_policy: AckPolicy.Explicit })
    expect(await count(await (await jetstream(nc).consumers.get('EVENTS', name)).consume())).toBe(EVENTS)
  }
)

test.each([[true, 'ada_2'], [false, 'push']])(
  '@nats-io/jetstream 3: a push consumer with flow control (named: %s)',
  async (named, name) => {
    const nc = await connect3(named)
    await (await jetstreamManager(nc)).consumers.add('EVENTS', {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      deliver_subject: createInbox(named ? INBOX : undefined),
      flow_control: true,
      idle_heartbeat: 1e9
    })
    expect(await count(await (await jetstream(nc).consumers.getPushConsumer('EVENTS', name)).consume())).toBe(EVENTS)
  }
)

test('@nats-io/jetstream 3: an ordered consumer without credentials', async () => {
  const nc = await connect3(false)
  expect(await count(await (await jetstream(nc).consumers.get('EVENTS')).consume())).toBe(EVENTS)
})

test.each([true, false])('@nats-io/jetstream 3: single messages, and what comes (named: %s)', async (named) => {
  const nc = await connect3(named)
  const jsm = await jetstreamManager(nc)
  expect((await jsm.streams.getMessage('EVENTS', { seq: 7 }))!.seq).toBe(7)
  expect((await jsm.direct.getMessage('EVENTS', { seq: 8 }))!.seq).toBe(8)
  let heard = 0
  nc.subscribe('events.>', { callback: () => { heard++ } })
  await nc.flush()
  publisher.publish('events.posts.post-created.v1', '', { headers: noStream() })
  await eventually(() => expect(heard).toBe(1))
})

test.each([[true, 'ada_3'], [false, 'pull-2']])('nats 2: a pull consumer (named: %s)', async (named, name) => {
  const nc = await connect2(named)
  await (await nc.jetstreamManager()).consumers.add('EVENTS', {
    durable_name: name,
    ack_policy: nats2.AckPolicy.Explicit
  })
  expect(await count(await (await nc.jetstream().consumers.get('EVENTS', name)).consume())).toBe(EVENTS)
})

test.each([[true, 'ada_4'], [false, 'push-2']])(
  'nats 2: a push consumer with flow control (named: %s)',
  async (named, name) => {
    const nc = await connect2(named)
    const options = nats2.consumerOpts().durable(name).manualAck().flowControl().idleHeartbeat(1_000)
      .deliverTo(nats2.createInbox(named ? INBOX : undefined))
    expect(await count(await nc.jetstream().subscribe('events.>', options))).toBe(EVENTS)
  }
)

test('nats 2: an ordered consumer without credentials', async () => {
  const nc = await connect2(false)
  expect(await count(await (await nc.jetstream().consumers.get('EVENTS')).consume())).toBe(EVENTS)
})

test('@gatepost/client: subscribe, as a named subscriber', async () => {
  const last: number[] = []
  const subscription = await subscribe({
    servers: `nats://${ADA.name}:${ADA.password}@${host}`,
    durable: 'ada_7',
    events: [postCreated],
    from: { sequence: EVENTS - 9 },
    onEvent: () => {},
    onError: (_error, { sequence }) => { last.push(sequence) } // they are no events, which it says of each
  })
  await eventually(() => expect(last).toHaveLength(10))
  await subscription.stop()
})

const python = await findPythonClient()
test.skipIf(python.missing)(
  `Python: a pull and a push consumer with flow control${python.missing ? ` (not tested: ${python.missing})` : ''}`,
  async () => {
    expect(await readByPython(python, { host, ...credentials, way: 'pull', consumer: 'ada_5', count: EVENTS }))
      .toBe(EVENTS)
    expect(await readByPython(python, { host, ...credentials, way: 'push', consumer: 'ada_6', count: EVENTS }))
      .toBe(EVENTS)
  },
  30_000
)

/** Heard by subscribers, and kept by no stream. */
function noStream () {
  const head = nats2.headers()
  head.set('Nats-Expected-Stream', 'NONE')
  return head as never
}
