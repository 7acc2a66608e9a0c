import type { CloudEvent } from '@gatepost/contracts/event'
import type { JsMsg } from '@nats-io/jetstream'
import { MalformedEventError, parseEvent } from '../validation.ts'

/** A message on its way through the workers. */
export interface Delivery {
  message: JsMsg
  key: string
  event: CloudEvent | MalformedEventError
  /** Whether it was here at the last heartbeat. */
  lasting: boolean
  /** The beginning of its wait for the event before it, by the monotonic clock. */
  waitsSince?: number
}

export function versionOf ({ event }: Delivery) {
  return event instanceof MalformedEventError ? 0 : event.aggregateversion
}

export function deliveryOf (message: JsMsg): Delivery {
  try {
    const event = parseEvent(message.data)
    return { message, key: event.subject, event, lasting: false }
  } catch (error) {
    if (!(error instanceof MalformedEventError)) throw error
    return { message, key: `message ${message.seq}`, event: error, lasting: false }
  }
}
