import { EVENTS_STREAM, EVENTS_SUBJECTS, type ServiceName } from '@gatepost/contracts/event'
import { consumers, events } from '@gatepost/contracts/events'
import { inboxPrefixOf } from './broker.ts'
import { DEAD_LETTER_SUBJECTS, deadLetterSubject } from './provision/configuration.ts'

export interface Credential {
  user: string
  password: string
}

export type BrokerCredentials = Record<ServiceName | 'provisioner', Credential>

interface Permissions {
  publish: { allow: string[], deny?: string[] }
  subscribe: { allow: string[] }
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
          deadLetterSubject(name)
        ]),
        ...readingTheStream
      ]),
      deny: denyDurables(own.map((consumer) => consumer.name))
    },
    subscribe: { allow: [`${inboxPrefixOf(service)}.>`, 'events.>'] }
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

/** The durable consumers of the contracts are nobody's but their owner's. */
function denyDurables (except: string[] = []) {
  return Object.keys(consumers).filter((name) => !except.includes(name)).flatMap((name) => [
    api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}`),
    api(`CONSUMER.CREATE.${EVENTS_STREAM}.${name}.>`),
    api(`CONSUMER.DELETE.${EVENTS_STREAM}.${name}`),
    api(`CONSUMER.MSG.NEXT.${EVENTS_STREAM}.${name}`),
    `$JS.ACK.${EVENTS_STREAM}.${name}.>`
  ])
}

const subscriber: Permissions = {
  publish: { allow: [...readingTheStream, `$JS.ACK.${EVENTS_STREAM}.>`], deny: denyDurables() },
  subscribe: { allow: ['events.>', '_INBOX.>'] }
}

const provisioner: Permissions = {
  publish: { allow: [api('>'), EVENTS_SUBJECTS, DEAD_LETTER_SUBJECTS] },
  subscribe: { allow: [`${inboxPrefixOf('provisioner')}.>`, 'events.>'] }
}

/**
 * The accounts of the broker, in nats-server's configuration language: one for each service, one to provision with, and
 * the reading one that whoever connects without credentials has.
 */
export function brokerAuthorization (credentials: BrokerCredentials): string {
  const users = (Object.keys(credentials) as (keyof BrokerCredentials)[]).map((name) => {
    const { user, password } = credentials[name]
    return { user, password, permissions: name === 'provisioner' ? provisioner : permissionsOf(name) }
  })
  const everybody = [...users, { user: 'subscriber', password: '', permissions: subscriber }]
  return `authorization {
  users = [
${everybody.map((user) => `    ${JSON.stringify(user)}`).join('\n')}
  ]
}
no_auth_user: subscriber
`
}
