import { EVENTS_STREAM, EVENTS_SUBJECTS, MAX_EVENT_BYTES } from './event.ts'

/** Within this window the server drops a resend of the same id: a relay that heard no answer sends again. */
export const DUPLICATE_WINDOW_MS = 10 * 60_000
/** Headers come on top of the event itself. */
const MAX_MESSAGE_BYTES = MAX_EVENT_BYTES + 16 * 1024

/** A CloudEvent as JSON, in structured mode. */
export const EVENT_MEDIA_TYPE = 'application/cloudevents+json'

/**
 * The stream as subscribers may rely on it, in the names and units of JetStream's API (times in nanoseconds): it keeps
 * everything.
 */
export const eventsStreamSettings = {
  name: EVENTS_STREAM,
  subjects: [EVENTS_SUBJECTS],
  retention: 'limits',
  storage: 'file',
  discard: 'new',
  max_msgs: -1,
  max_bytes: -1,
  max_age: 0,
  max_msgs_per_subject: -1,
  max_msg_size: MAX_MESSAGE_BYTES,
  duplicate_window: DUPLICATE_WINDOW_MS * 1e6,
  allow_direct: true
} as const

/** The headers of every message of the stream. */
export const eventHeaders = {
  type: 'object',
  required: ['Nats-Msg-Id', 'content-type'],
  properties: {
    'Nats-Msg-Id': {
      type: 'string',
      description: 'The event’s id: the server drops a second message with it within the duplicate window.'
    },
    'Nats-Expected-Stream': {
      type: 'string',
      const: EVENTS_STREAM,
      description: 'Of the publisher’s making: the server refuses the message elsewhere.'
    },
    'content-type': { type: 'string', const: EVENT_MEDIA_TYPE }
  }
} as const
