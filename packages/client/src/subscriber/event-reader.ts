import type { JsMsg } from '@nats-io/jetstream'
import { Ajv } from 'ajv'
import { envelopeOf, type CloudEvent } from '../event-contract.ts'
import type { EventDefinition } from '../event-definition.ts'

/** Reads the event of a message, or throws how it does not fit its contract; undefined: it was not asked for. */
export type EventReader = (message: JsMsg) => CloudEvent | undefined

/** Reads the events that are named, and passes over what else the consumer's filter lets through. */
export function createEventReader (definitions: readonly EventDefinition[]): EventReader {
  if (definitions.length === 0) throw new TypeError('name at least one event')
  const ajv = new Ajv({ strict: false })
  const validators = new Map(
    definitions.map((definition) => [definition.subject, ajv.compile(envelopeOf(definition as never))])
  )
  return (message) => {
    const validate = validators.get(message.subject)
    if (!validate) return undefined
    const event = parse(message)
    if (validate(event)) return event
    const faults = validate.errors?.map((error) => `${error.instancePath} ${error.message}`).join('; ')
    throw new Error(`event ${message.seq} does not fit its contract: ${faults}`)
  }
}

function parse (message: JsMsg): CloudEvent {
  try {
    return message.json<CloudEvent>()
  } catch {
    return {} as CloudEvent // which fits no contract
  }
}
