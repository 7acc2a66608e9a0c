import { EVENTS_STREAM, EVENTS_SUBJECTS, type ServiceName } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { inboxPrefixOf } from './broker.ts'
import { DEAD_LETTER_STREAM, DEAD_LETTER_SUBJECTS, deadLetterSubject, replaySubject } from './provision/configuration.ts'

export interface Credential {
  user: string
  password: string
}

export type BrokerCredentials = Record<ServiceName | 'provisioner', Credential>

interface Permissions {
  publish: { allow: string[], deny?: string[] }
  subscribe: { allow: string[] }
  /** Whether it may answer requests, wherever they ask to be answered. */
  allow_responses?: boolean
}

const api = (path: string) => `$JS.API.${path}`
const unique = (subjects: string[]) => [...new Set(subjects)]

/** What a service may do: publish its own events, pull its own consumers, follow the stream. */
function permissionsOf (service: ServiceName): Permissions {
  const own = Object.values(consumers).filter((consumer) => consumer.service === service)
  return {
    publish: {
      allow: unique([
        ...events.filter((event) => event.owner === service).map((event) => event.subject),
        ...own.flatMap(({ name }) => [
          api(`CONSUMER.INFO.${EVENTS_STREAM}.${name}`),
          api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.${name}`),
          `$JS.ACK.${EVENTS_STREAM}.${name}.>`,
          deadLetterSubject(name),
          deadLetterSubject(name, '*')
        ]),
        ...own.length > 0 ? [api(`STREAM.INFO.${DEAD_LETTER_STREAM}`)] : [],
        ...events.some((event) => event.owner === service && event.erasable) ? erasing : [],
        ...readingTheStream
      ]),
      deny: denyDurables(own.map((consumer) => consumer.name))
    },
    subscribe: { allow: [`${inboxPrefixOf(service)}.>`, EVENTS_SUBJECTS, ...own.map(({ name }) => replaySubject(name))] },
    ...own.length > 0 && { allow_responses: true }
  }
}

const readingTheStream = [
  api('INFO'),
  api(`STREAM.INFO.${EVENTS_STREAM}`),
  api(`STREAM.MSG.GET.${EVENTS_STREAM}`),
  api(`DIRECT.GET.${EVENTS_STREAM}`),
  api(`DIRECT.GET.${EVENTS_STREAM}.>`),
  api(`CONSUMER.CREATE.${EVENTS_STREAM}.>`),
  api(`CONSUMER.INFO.${EVENTS_STREAM}.*`),
  api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.*`),
  api(`CONSUMER.DELETE.${EVENTS_STREAM}.*`)
]

/** The owner of personal events erases them when their subject leaves. */
const erasing = [
  api(`STREAM.MSG.DELETE.${EVENTS_STREAM}`),
  api(`STREAM.INFO.${DEAD_LETTER_STREAM}`),
  api(`STREAM.MSG.GET.${DEAD_LETTER_STREAM}`),
  api(`STREAM.MSG.DELETE.${DEAD_LETTER_STREAM}`)
]

/** The durable consumers of the contracts: only its owner pulls one, and makes it again when it is gone; only the operator deletes one. */
function denyDurables (own: string[] = []) {
  return Object.keys(consumers).flatMap((name) => [
    api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}`),
    ...own.includes(name) ? [] : [api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}.>`)],
    api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.${name}`),
    api(`CONSUMER.DELETE.${EVENTS_STREAM}.${name}`),
    ...own.includes(name) ? [] : [api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.${name}`), `$JS.ACK.${EVENTS_STREAM}.${name}.>`]
  ])
}

/**
 * The oldest way to make a consumer, CONSUMER.CREATE.EVENTS without a name in the subject, stays closed: the name in its
 * body is beyond permissions, and an existing consumer of that name would be changed.
 */
const subscriber: Permissions = {
  publish: {
    allow: [...readingTheStream, api('STREAM.NAMES'), api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.*`), `$JS.ACK.${EVENTS_STREAM}.>`],
    deny: denyDurables()
  },
  subscribe: { allow: [EVENTS_SUBJECTS, '_INBOX.>'] }
}

const provisioner: Permissions = {
  publish: { allow: [api('>'), EVENTS_SUBJECTS, DEAD_LETTER_SUBJECTS, replaySubject('*')] },
  subscribe: { allow: [`${inboxPrefixOf('provisioner')}.>`, EVENTS_SUBJECTS] }
}

/** Strangers' consumers live on the server too; it must not run out of memory for them. */
const MAX_CONSUMERS = 20_000
const SUBSCRIBER_LIMITS = { connections: 1_000, subscriptions: 10_000, payloadBytes: 65_536 }

/** What the services' account lets the subscribers' one reach; nothing else of it exists for them. */
const shared = [
  { stream: EVENTS_SUBJECTS },
  // Where push consumers of subscribers deliver; our own inboxes have other prefixes.
  { stream: '_INBOX.>' },
  ...[...readingTheStream, api('STREAM.NAMES'), api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.*`)].map((service) => ({
    service, response_type: service.includes('MSG.NEXT') ? 'stream' : 'singleton'
  })),
  { service: `$JS.ACK.${EVENTS_STREAM}.>`, response_type: 'singleton' }
]

/**
 * The accounts of the broker, in nats-server's configuration language: one for the services and the operator, each user
 * with what it needs, and one for whoever connects without credentials. Permissions alone could not hold the line between
 * them: the server answers to any reply subject of the requester's account in its own name, so in one account a reader
 * could have it publish an event, or purge the stream.
 */
export function brokerAuthorization (credentials: BrokerCredentials): string {
  const users = (Object.keys(credentials) as (keyof BrokerCredentials)[]).map((name) => {
    const { user, password } = credentials[name]
    return { user, password, permissions: name === 'provisioner' ? provisioner : permissionsOf(name) }
  })
  const imports = shared.map((entry) => 'stream' in entry
    ? { stream: { account: 'GATEPOST', subject: entry.stream } }
    : { service: { account: 'GATEPOST', subject: entry.service } })
  return `accounts {
  GATEPOST {
    jetstream: { max_consumers: ${MAX_CONSUMERS} }
    users = ${lines(users)}
    exports = ${lines(shared)}
  }
  SUBSCRIBERS {
    users = ${lines([{ user: 'subscriber', password: '', permissions: subscriber }])}
    imports = ${lines(imports)}
    limits: { max_connections: ${SUBSCRIBER_LIMITS.connections}, max_subscriptions: ${SUBSCRIBER_LIMITS.subscriptions}, max_payload: ${SUBSCRIBER_LIMITS.payloadBytes} }
  }
}
no_auth_user: subscriber
`
}

const lines = (values: object[]) => `[\n${values.map((value) => `      ${JSON.stringify(value)}`).join('\n')}\n    ]`
