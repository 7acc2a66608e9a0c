import { EVENTS_STREAM } from '@gatepost/contracts/event'

/** The rights of a user of the broker. */
export interface Permissions {
  publish: { allow: string[], deny?: string[] }
  subscribe: { allow: string[] }
  /** Whether the user may answer requests on any reply subject. */
  allow_responses?: boolean
}

export const api = (path: string) => `$JS.API.${path}`

/** The calls that read the stream, without those that concern a consumer. */
export const readingMessages = [
  api('INFO'),
  api(`STREAM.INFO.${EVENTS_STREAM}`),
  api(`STREAM.MSG.GET.${EVENTS_STREAM}`),
  api(`DIRECT.GET.${EVENTS_STREAM}`),
  api(`DIRECT.GET.${EVENTS_STREAM}.>`)
]

/** The calls that concern consumers of any name. */
export const usingConsumers = [
  api(`CONSUMER.CREATE.${EVENTS_STREAM}.>`),
  api(`CONSUMER.INFO.${EVENTS_STREAM}.*`),
  api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.*`),
  api(`CONSUMER.DELETE.${EVENTS_STREAM}.*`)
]

/** Everything by which one consumer is made, changed or deleted. */
export const changing = (name: string) => [
  api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}`),
  api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}.>`),
  api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.${name}`),
  api(`CONSUMER.DELETE.${EVENTS_STREAM}.${name}`)
]

/**
 * Everything by which events of one consumer are taken; the last is how a client of a push consumer controls its flow.
 */
export const taking = (name: string) => [
  api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.${name}`),
  `$JS.ACK.${EVENTS_STREAM}.${name}.>`,
  `$JS.FC.${EVENTS_STREAM}.${name}.>`
]
