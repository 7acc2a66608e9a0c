import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { startBroker } from '@gatepost/testing/broker'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { connectAs, createStage } from './stage.ts'

export const ADA = { name: 'ada', password: 'secret-of-ada', consumers: 2 }
export const BOB = { name: 'bob', password: 'secret-of-bob', consumers: 1 }

export type BrokerScene = Awaited<ReturnType<typeof setBrokerScene>>

/** A broker with five events, a stranger, and the named subscribers Ada and Bob. */
export async function setBrokerScene () {
  const stage = createStage()
  const nats = stage.defer(await startBroker({ subscribers: [ADA, BOB] }), (broker) => broker.stop())
  const admin = await connectAs({ nats, ...stage }, 'provisioner')
  const posts = await connectAs({ nats, ...stage }, 'posts')
  const jsm = await jetstreamManager(admin, { checkAPI: false })
  /** Permission violations of strangers and subscribers. */
  const violations: string[] = []

  function watch (nc: NatsConnection) {
    void (async () => {
      for await (const status of nc.status()) if (status.type === 'error') violations.push(status.error.message)
    })()
    return nc
  }

  async function connectSubscriber ({ name, password }: { name: string, password: string }) {
    const nc = await connect({
      servers: new URL(nats.url).host, user: name, pass: password, inboxPrefix: `_INBOX_${name}`
    })
    return watch(stage.defer(nc, (opened) => opened.close()))
  }

  for (let count = 0; count < 5; count++) {
    await jetstream(posts).publish('events.posts.post-created.v1', JSON.stringify({ count }))
  }
  return {
    ...stage,
    nats,
    admin,
    posts,
    violations,
    connectSubscriber,
    connectStranger: async () => watch(await connectAs({ nats, ...stage }, undefined)),
    stranger: watch(await connectAs({ nats, ...stage }, undefined)),
    ada: await connectSubscriber(ADA),
    /** All that no stranger may change. */
    async state () {
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
  }
}

/** The server's answer to a request of JetStream's API. */
export async function ask (nc: NatsConnection, subject: string, body: object | string = '') {
  const answer = await nc.request(subject, typeof body === 'string' ? body : JSON.stringify(body), { timeout: 2_000 })
  return answer.json<{ error?: { description: string }, name?: string }>()
}

/** Long enough for something to arrive that should not. */
export const nothing = () => new Promise((resolve) => setTimeout(resolve, 150))

/** Subjects to which nobody outside may publish. */
export const FORBIDDEN = [
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
