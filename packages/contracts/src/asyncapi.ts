import { EVENTS_STREAM, EVENTS_SUBJECTS, envelopeOf, type EventDefinition } from './event.ts'
import { events } from './events.ts'

type Json = Record<string, unknown>

/** Every event as an AsyncAPI 3.0 document: one channel per subject, and the operation by which one receives it. */
export function asyncApi (natsUrl: string): Json {
  const { host } = new URL(natsUrl)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Gatepost events',
      version: '1',
      description: 'Domain events as CloudEvents 1.0 on NATS JetStream. Every committed change has exactly one event; delivery is at least once, ' +
        '`id` makes it exactly once; per aggregate `aggregateversion` is 1, 2, 3 … in the order of publication.'
    },
    defaultContentType: 'application/cloudevents+json',
    servers: {
      nats: {
        host,
        protocol: 'nats',
        description: `JetStream stream ${EVENTS_STREAM} holds ${EVENTS_SUBJECTS}; whoever connects without credentials may read it.`,
        bindings: { nats: { bindingVersion: '0.1.0' } },
        'x-jetstream': { stream: EVENTS_STREAM, subjects: [EVENTS_SUBJECTS], retention: 'limits', discard: 'new', storage: 'file' }
      }
    },
    channels: Object.fromEntries(events.map((definition) => [definition.type, {
      address: definition.subject,
      title: definition.name,
      description: definition.summary,
      servers: [{ $ref: '#/servers/nats' }],
      messages: { [definition.type]: { $ref: `#/components/messages/${definition.type}` } }
    }])),
    operations: Object.fromEntries(events.map((definition) => [`receive-${definition.type}`, {
      action: 'send',
      summary: definition.summary,
      channel: { $ref: `#/channels/${definition.type}` },
      messages: [{ $ref: `#/channels/${definition.type}/messages/${definition.type}` }],
      bindings: { nats: { bindingVersion: '0.1.0' } }
    }])),
    components: { messages: Object.fromEntries(events.map((definition) => [definition.type, message(definition)])) }
  }
}

function message (definition: EventDefinition): Json {
  return {
    name: definition.type,
    title: definition.name,
    summary: definition.summary,
    contentType: 'application/cloudevents+json',
    headers: {
      type: 'object',
      properties: {
        'Nats-Msg-Id': { type: 'string', description: 'The event’s id' },
        'content-type': { type: 'string', const: 'application/cloudevents+json' }
      }
    },
    payload: JSON.parse(JSON.stringify(envelopeOf(definition))),
    'x-aggregate': { name: definition.aggregate, id: definition.aggregateId }
  }
}
