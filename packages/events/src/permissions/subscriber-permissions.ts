import { EVENTS_STREAM, EVENTS_SUBJECTS } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import { inboxPrefixOf } from '../broker.ts'
import { consumerNamesOf, type Subscriber } from '../subscribers.ts'
import { api, changing, type Permissions, readingMessages, taking, usingConsumers } from './subjects.ts'

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
 * Readers without credentials. They share one user, hear each other's answers and could use each other's consumers
 * (ADR 0085); they cannot delete a consumer, nor touch the consumers of services and named subscribers. The oldest way
 * to make a consumer, CONSUMER.CREATE.EVENTS without a name in the subject, stays closed: the name in its body is
 * beyond permissions.
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
