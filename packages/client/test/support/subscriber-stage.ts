import { randomUUIDv7 } from 'node:crypto'
import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated } from '@gatepost/contracts/posts/events'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { AckPolicy, jetstream, jetstreamManager, type ConsumerConfig } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { subscribe, type Delivery, type Subscription } from '../../src/subscribe.ts'

type CreatedOptions = Partial<Parameters<typeof subscribe<[typeof postCreated]>>[0]> & {
  onEvent: (event: CloudEvent<{ title: string }>, delivery: Delivery) => void | Promise<void>
}

export type SubscriberStage = Awaited<ReturnType<typeof startSubscriberStage>>

/** A nats-server of its own, somebody who publishes to it, and subscriptions that end with it. */
export async function startSubscriberStage () {
  const nats: TestBroker = await startBroker()
  const { host, username: user, password: pass } = new URL(nats.urlOf('provisioner'))
  const provisioner: NatsConnection = await connect({
    servers: host,
    user,
    pass,
    inboxPrefix: '_INBOX_provisioner',
    reconnectTimeWait: 100,
    maxReconnectAttempts: -1
  })
  const open: Subscription[] = []
  return {
    nats,
    host,
    provisioner,
    /** Subscriptions that are stopped at the end. */
    open,

    async publish (...events: CloudEvent[]) {
      for (const event of events) {
        await jetstream(provisioner, { timeout: 1_500 }).publish(`events.${event.type}`, JSON.stringify(event), {
          msgID: event.id
        })
      }
    },

    /** Subscribes to new posts. */
    async follow (options: CreatedOptions) {
      const subscription = await subscribe({ servers: nats.url, events: [postCreated], ...options })
      open.push(subscription)
      return subscription
    },

    /** A durable subscription as somebody else would make it; what its program had when it died comes again soon. */
    async makeDurable (config: Partial<ConsumerConfig> = {}) {
      await (await jetstreamManager(provisioner)).consumers.add('EVENTS', {
        durable_name: 'my-program',
        ack_policy: AckPolicy.Explicit,
        filter_subject: 'events.>',
        ack_wait: 600 * 1e6,
        ...config
      })
    },

    durable: async (name = 'my-program') => (await jetstreamManager(provisioner)).consumers.info('EVENTS', name),

    async stop () {
      await Promise.all(open.splice(0).map((subscription) => subscription.stop()))
      await provisioner.close()
      await nats.stop()
    }
  }
}

/** The event of a new post. */
export function created (title = 'Hello', authorId = randomUUIDv7()) {
  const postId = randomUUIDv7()
  return eventOf(postCreated, postId, {
    postId,
    authorId,
    title,
    content: 'World',
    createdAt: new Date().toISOString()
  })
}

export function eventOf (
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
