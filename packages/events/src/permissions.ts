import { EVENTS_STREAM, EVENTS_SUBJECTS } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { inboxPrefixOf } from './broker.ts'
import { api, changing, type Permissions, readingMessages, taking, usingConsumers } from './permissions/subjects.ts'
import { permissionsOfAnonymous, permissionsOfSubscriber } from './permissions/subscriber-permissions.ts'
import {
  DEAD_LETTER_STREAM,
  DEAD_LETTER_SUBJECTS,
  deadLetterSubject,
  replaySubject
} from './provision/configuration.ts'
import type { Subscriber } from './subscribers.ts'

export interface Credential {
  user: string
  password: string
}

/** One user for each service and the operator; the console has one where there is a console. */
export type BrokerCredentials = Record<ServiceName | 'provisioner', Credential> & { console?: Credential }

const unique = (subjects: string[]) => [...new Set(subjects)]

/** A service may publish its own events, pull its own consumers, and follow the stream. */
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
        ...own.length > 0
          ? [api(`STREAM.INFO.${DEAD_LETTER_STREAM}`), api(`STREAM.MSG.GET.${DEAD_LETTER_STREAM}`)]
          : [],
        ...events.some((event) => event.owner === service && event.erasable) ? erasing : [],
        ...readingTheStream
      ]),
      deny: denyDurables(own.map((consumer) => consumer.name))
    },
    subscribe: {
      allow: [`${inboxPrefixOf(service)}.>`, EVENTS_SUBJECTS, ...own.map(({ name }) => replaySubject(name))]
    },
    ...own.length > 0 && { allow_responses: true }
  }
}

const readingTheStream = [...readingMessages, ...usingConsumers]

/** The owner of erasable events erases them when their aggregate ends. */
const erasing = [
  api(`STREAM.MSG.DELETE.${EVENTS_STREAM}`),
  api(`STREAM.INFO.${DEAD_LETTER_STREAM}`),
  api(`STREAM.MSG.GET.${DEAD_LETTER_STREAM}`),
  api(`STREAM.MSG.DELETE.${DEAD_LETTER_STREAM}`)
]

/**
 * The durable consumers of the contracts: only its owner pulls one, and makes it again when it is gone; only the
 * operator deletes one.
 */
function denyDurables (own: string[]) {
  return Object.keys(consumers).flatMap((name) => own.includes(name)
    ? changing(name).filter((subject) => subject !== api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}.>`))
    : [...changing(name), ...taking(name)])
}

const provisioner: Permissions = {
  // Copies of streams come and go in pieces.
  publish: { allow: [api('>'), '$JS.SNAPSHOT.>', EVENTS_SUBJECTS, DEAD_LETTER_SUBJECTS, replaySubject('*')] },
  subscribe: { allow: [`${inboxPrefixOf('provisioner')}.>`, EVENTS_SUBJECTS] }
}

/** Reads everything, replays and drops dead letters; changes nothing else. */
const consolePermissions: Permissions = {
  publish: {
    allow: [
      ...readingTheStream,
      api(`STREAM.INFO.${DEAD_LETTER_STREAM}`),
      api(`STREAM.MSG.GET.${DEAD_LETTER_STREAM}`),
      api(`STREAM.MSG.DELETE.${DEAD_LETTER_STREAM}`),
      ...usingConsumers.map((subject) => subject.replace(`.${EVENTS_STREAM}.`, `.${DEAD_LETTER_STREAM}.`)),
      ...Object.keys(consumers).map(replaySubject)
    ],
    deny: denyDurables([])
  },
  subscribe: { allow: [`${inboxPrefixOf('console')}.>`, EVENTS_SUBJECTS] }
}

const SPECIAL: Partial<Record<keyof BrokerCredentials, Permissions>> = { provisioner, console: consolePermissions }

/** Consumers that our own readers can always have, whatever subscribers made. */
const OWN_CONSUMERS = 2_000
/** Consumers live on the server; it must not run out of memory for them. */
const ANONYMOUS_CONSUMERS = 18_000
const ANONYMOUS_LIMITS = { max_connections: 1_000, max_subscriptions: 10_000, max_payload: 65_536 }
const SUBSCRIBER_LIMITS = { max_connections: 20, max_subscriptions: 500, max_payload: 65_536 }

/** The part of the services' account that subscribers' accounts reach; nothing else of it exists for them. */
const shared: Export[] = [
  { stream: EVENTS_SUBJECTS },
  ...[...readingTheStream, api('STREAM.NAMES'), api(`CONSUMER.DURABLE.CREATE.${EVENTS_STREAM}.*`)].map((service) => ({
    service, response_type: service.includes('MSG.NEXT') ? 'stream' : 'singleton'
  })),
  { service: `$JS.ACK.${EVENTS_STREAM}.>`, response_type: 'singleton' },
  { service: `$JS.FC.${EVENTS_STREAM}.>`, response_type: 'singleton' }
]

type Export = { stream: string, accounts?: string[] } | { service: string, response_type: string }

interface Account {
  name: string
  user: { user: string, password: string, permissions: Permissions }
  /** Where its push consumers deliver; our own inboxes have other prefixes. */
  inboxes: string
  limits: typeof SUBSCRIBER_LIMITS
}

export interface SubscriberOptions {
  /** Programs outside with a name of their own. */
  subscribers?: readonly Subscriber[]
  /** Whether anybody may read without credentials; for a server that only this machine reaches. Default false. */
  anonymous?: boolean
}

/**
 * The accounts of the broker, in nats-server's configuration language: one for the services and the operator, each user
 * with the permissions it needs, one for each subscriber, and, if wanted, one for readers without credentials.
 * Permissions alone could not hold the line between them: the server answers to any reply subject of the requester's
 * account in its own name, so in one account a reader could have it publish an event, or purge the stream.
 */
export function brokerAuthorization (
  credentials: BrokerCredentials,
  { subscribers = [], anonymous = false }: SubscriberOptions = {}
): string {
  const users = (Object.keys(credentials) as (keyof BrokerCredentials)[]).map((name) => {
    const { user, password } = credentials[name]!
    return { user, password, permissions: SPECIAL[name] ?? permissionsOf(name as ServiceName) }
  })
  const accounts: Account[] = subscribers.map((subscriber) => ({
    name: `SUBSCRIBER_${subscriber.name}`,
    user: { user: subscriber.name, password: subscriber.password, permissions: permissionsOfSubscriber(subscriber) },
    inboxes: `${inboxPrefixOf(subscriber.name)}.>`,
    limits: SUBSCRIBER_LIMITS
  }))
  if (anonymous) {
    accounts.push({
      name: 'SUBSCRIBERS',
      user: { user: 'subscriber', password: '', permissions: permissionsOfAnonymous(subscribers) },
      inboxes: '_INBOX.>',
      limits: ANONYMOUS_LIMITS
    })
  }
  const maxConsumers = OWN_CONSUMERS + (anonymous ? ANONYMOUS_CONSUMERS : 0) +
    subscribers.reduce((sum, subscriber) => sum + subscriber.consumers, 0)
  return `accounts {
  GATEPOST {
    jetstream: { max_consumers: ${maxConsumers} }
    users = ${lines(users)}
    exports = ${
    lines([...shared, ...accounts.map(({ name, inboxes }): Export => ({ stream: inboxes, accounts: [name] }))])
  }
  }
${accounts.map(subscriberAccount).join('\n')}
}
${anonymous ? 'no_auth_user: subscriber' : ''}
`
}

function subscriberAccount ({ name, user, inboxes, limits }: Account) {
  const imports = [...shared, { stream: inboxes }].map((entry) => 'stream' in entry
    ? { stream: { account: 'GATEPOST', subject: entry.stream } }
    : { service: { account: 'GATEPOST', subject: entry.service } })
  return `  ${JSON.stringify(name)} {
    users = ${lines([user])}
    imports = ${lines(imports)}
    limits: ${JSON.stringify(limits)}
  }`
}

const lines = (values: object[]) => `[\n${values.map((value) => `      ${JSON.stringify(value)}`).join('\n')}\n    ]`
