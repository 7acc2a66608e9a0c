import { envelopeOf, type CloudEvent, type EventDefinition } from '@gatepost/contracts/event'
import { compileValidator, type Validate } from '@gatepost/service-kit/validation'

const validators = new Map<string, Validate>()

/** Checks an event against its contract; returns its fault, or undefined. */
export function faultOf (definition: EventDefinition, event: unknown): string | undefined {
  let validate = validators.get(definition.type)
  if (!validate) {
    validate = compileValidator(envelopeOf(definition), 'event')
    validators.set(definition.type, validate)
  }
  const result = validate(event)
  if (!('error' in result)) return undefined
  return (result.error.errors ?? []).map(({ path, message }) => `${path} ${message}`).join('; ')
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The CloudEvent in a message, of whatever type: enough to order and to skip it. Throws {@link MalformedEventError}
 * when it is none.
 */
export function parseEvent (data: Uint8Array): CloudEvent {
  let event: Partial<CloudEvent> | null
  try {
    event = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)) as Partial<CloudEvent> | null
  } catch (error) {
    throw new MalformedEventError('not JSON in UTF-8', { cause: error })
  }
  if (typeof event !== 'object' || event === null || event.specversion !== '1.0') {
    throw new MalformedEventError('not a CloudEvent 1.0')
  }
  const { id, type, subject, aggregateversion } = event
  if (typeof id !== 'string' || !UUID.test(id)) throw new MalformedEventError('id is not a UUID')
  if (typeof type !== 'string' || typeof subject !== 'string' || !UUID.test(subject)) {
    throw new MalformedEventError('type or subject is missing')
  }
  if (!Number.isInteger(aggregateversion) || aggregateversion! < 1 || aggregateversion! > 2 ** 31 - 1) {
    throw new MalformedEventError('aggregateversion is not a positive integer')
  }
  return event as CloudEvent
}

/** A message that is not an event at all; no retry can help it. */
export class MalformedEventError extends Error {
  override name = 'MalformedEventError'
}
