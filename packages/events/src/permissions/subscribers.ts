import { EVENTS_STREAM, EVENTS_SUBJECTS } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import { inboxPrefixOf } from '../broker.ts'
import { api, changing, type Permissions, readingMessages, taking, usingConsumers } from './subjects.ts'

/** A program outside that reads the events under a name of its own. */
export interface Subscriber {
  name: string
  password: string
  /** How many consumers it may have. */
  consumers: number
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/
const RESERVED = new Set([
  'auth',
  'posts',
  'feed',
  'gateway',
  'provisioner',
  'operator',
  'subscriber',
  ...Object.keys(consumers)
])
export const MAX_CONSUMERS_OF_ONE = 50

/** What is wrong with the name of a subscriber; undefined when it can be one. */
export function faultOfName (name: string): string | undefined {
  if (!NAME.test(name)) {
    return `"${name}" is no name: it needs 1 to 31 lower-case letters, digits and dashes, a letter first`
  }
  return RESERVED.has(name) ? `${name} is a name of our own` : undefined
}

/**
 * The only names that the consumers of a subscriber may have; nats-server tells consumers apart by whole names alone.
 */
export function consumerNamesOf ({ name, consumers: count }: Pick<Subscriber, 'name' | 'consumers'>): string[] {
  return Array.from({ length: count }, (_, at) => at === 0 ? name : `${name}_${at + 1}`)
}

/** A named subscriber: reads the stream, and has consumers and inboxes that nobody else can use. */
export function permissionsOfSubscriber (subscriber: Subscriber): Permissions {
  const own = consumerNamesOf(subscriber)
  return {
    publish: {
      allow: [
        ...readingMessages,
        api('STREAM.NAMES'),
        ...own.flatMap((name) => [...changing(name), api(`CONSUMER.INFO.${EVENTS_STREAM}.${name}`), ...taking(name)])
      ]
    },
    subscribe: { allow: [EVENTS_SUBJECTS, `${inboxPrefixOf(subscriber.name)}.>`] }
  }
}

/**
 * Whoever connects without credentials. All of them are one user, hear each other's answers and could use each other's
 * consumers; none can delete one, nor touch those of services and named subscribers. The oldest way to make a consumer,
 * CONSUMER.CREATE.EVENTS without a name in the subject, stays closed: the name in its body is beyond permissions.
 */
export function permissionsOfAnonymous (subscribers: readonly Subscriber[]): Permissions {
  const protectedNames = [...Object.keys(consumers), ...subscribers.flatMap(consumerNamesOf)]
  return {
    publish: {
      allow: [
        ...readingMessages, ...usingConsumers, api('STREAM.NAMES'), api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.*`),
        `$JS.ACK.${EVENTS_STREAM}.>`, `$JS.FC.${EVENTS_STREAM}.>`
      ],
      deny: [
        api(`CONSUMER.DELETE.${EVENTS_STREAM}.*`),
        ...protectedNames.flatMap((name) => [...changing(name), ...taking(name)])
      ]
    },
    subscribe: { allow: [EVENTS_SUBJECTS, '_INBOX.>'] }
  }
}
