import type { ServiceDefinition } from './service.ts'
import type { ServiceName } from './service-name.ts'
import { services } from './services.ts'

/** Every service. */
export const declarations = Object.values<object>(services) as readonly ServiceDefinition[]

/** The services that own a database. */
export const databaseOwners = declarations.filter(({ store }) => store !== 'none')

/** The services whose changes are events, in an outbox each. */
export const outboxOwners = declarations.filter(({ store }) => store === 'outbox')

export type UpstreamName = Exclude<ServiceName, 'gateway'>

/** The services that the gateway forwards to: those that answer anything. */
export const upstreams = declarations.filter((service): service is ServiceDefinition<UpstreamName> =>
  service.name !== 'gateway' && service.operations.length > 0
)
