import { EVENTS_STREAM, EVENTS_SUBJECTS, envelopeOf, type EventDefinition } from './event.ts'
import { consumers, events } from './events.ts'
import { EVENT_MEDIA_TYPE, eventHeaders, eventsStreamSettings } from './stream.ts'

type Json = Record<string, unknown>

/**
 * NATS' own bindings say nothing at these places: each must be an empty object. JetStream's settings stand in
 * `x-jetstream`.
 */
const NO_BINDING = { nats: {} }

/**
 * Every event as an AsyncAPI 3.0 document: one channel for each subject, the stream behind it, and how one reads it.
 */
export function asyncApi (natsUrl: string): Json {
  const { host } = new URL(natsUrl)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Gatepost events',
      version: '1',
      description:
        'Domain events as CloudEvents 1.0 on NATS JetStream. Every committed change has exactly one event; ' +
        'delivery is at least once, `id` makes it exactly once; ' +
        'per aggregate `aggregateversion` is 1, 2, 3 … in the order of publication.',
      license: { name: 'MIT' },
      tags: [...new Set(events.map(({ owner }) => owner))].map((name) => ({
        name,
        description: `Published by ${name}`
      }))
    },
    defaultContentType: EVENT_MEDIA_TYPE,
    servers: {
      nats: {
        host,
        protocol: 'nats',
        description:
          `JetStream stream ${EVENTS_STREAM} holds ${EVENTS_SUBJECTS}; named subscribers may read it, ` +
          'and in the embedded run whoever connects without credentials.',
        bindings: NO_BINDING,
        'x-jetstream': { stream: eventsStreamSettings, consumers: Object.values(consumers) }
      }
    },
    channels: Object.fromEntries(events.map((definition) => [definition.type, channel(definition)])),
    operations: Object.fromEntries(events.map((definition) => [`send-${definition.type}`, operation(definition)])),
    components: {
      messageTraits: { cloudEvent: { contentType: EVENT_MEDIA_TYPE, headers: eventHeaders, bindings: NO_BINDING } },
      messages: Object.fromEntries(events.map((definition) => [definition.type, message(definition)]))
    }
  }
}

function channel ({ type, subject, name, summary }: EventDefinition): Json {
  return {
    address: subject,
    title: name,
    description: summary,
    servers: [{ $ref: '#/servers/nats' }],
    messages: { [type]: { $ref: `#/components/messages/${type}` } },
    bindings: NO_BINDING,
    'x-jetstream': {
      stream: EVENTS_STREAM,
      consumers: Object.values(consumers).filter(({ filter }) => passes(filter, subject)).map((consumer) =>
        consumer.name
      )
    }
  }
}

/** In AsyncAPI's view Gatepost is the one that acts, and it sends. */
function operation ({ type, subject, owner, summary }: EventDefinition): Json {
  return {
    action: 'send',
    summary,
    tags: [{ name: owner }],
    channel: { $ref: `#/channels/${type}` },
    messages: [{ $ref: `#/channels/${type}/messages/${type}` }],
    bindings: { nats: { bindingVersion: '0.1.0' } },
    'x-jetstream': consumerOf(subject)
  }
}

/**
 * The requests by which anybody makes a durable consumer and pulls it, in JetStream's wire protocol; `{name}` is one's
 * own choice. One at a time: after a crash, an unacknowledged event comes again before any later one.
 */
function consumerOf (subject: string): Json {
  return {
    create: {
      subject: `$JS.API.CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.{name}`,
      request: {
        stream_name: EVENTS_STREAM,
        config: {
          durable_name: '{name}',
          filter_subject: subject,
          deliver_policy: 'all',
          ack_policy: 'explicit',
          replay_policy: 'instant',
          ack_wait: 5e9,
          max_deliver: -1,
          max_ack_pending: 1
        }
      }
    },
    next: { subject: `$JS.API.CONSUMER.MSG.NEXT.${EVENTS_STREAM}.{name}`, request: { batch: 1, expires: 5e9 } },
    acknowledge: { subject: 'the reply subject of the message', request: '+ACK' }
  }
}

function message (definition: EventDefinition): Json {
  return {
    name: definition.type,
    title: definition.name,
    summary: definition.summary,
    tags: [{ name: definition.owner }],
    traits: [{ $ref: '#/components/messageTraits/cloudEvent' }],
    correlationId: {
      description: 'W3C trace context of the request that caused the event',
      location: '$message.payload#/traceparent'
    },
    payload: JSON.parse(JSON.stringify(envelopeOf(definition))),
    'x-aggregate': {
      name: definition.aggregate,
      id: definition.aggregateId,
      final: definition.final ?? false,
      erasable: definition.erasable ?? false
    }
  }
}

/** A NATS filter whose only wildcard is `>` at its end, or none. */
function passes (filter: string, subject: string) {
  return filter.endsWith('>') ? subject.startsWith(filter.slice(0, -1)) : subject === filter
}
