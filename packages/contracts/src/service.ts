import type { EventDefinition } from './event.ts'
import type { Operation } from './operation.ts'
import type { ProblemDefinition } from './problem.ts'
import type { ServiceName } from './service-name.ts'

/**
 * What a service keeps: `none` has no database, `inbox` is a read model built from events, `outbox` owns rows whose
 * changes are events.
 */
export type Store = 'none' | 'inbox' | 'outbox'

/** What a service states about itself; see {@link service}. */
export interface ServiceOptions<
  Name extends ServiceName,
  Problems extends Record<string, ProblemDefinition>,
  Operations extends readonly object[],
  Events extends readonly object[]
> {
  /** Kebab-case; names the folders, the process, the database and the account of NATS. */
  name: Name
  /** What it is for, in a sentence: the text of its operations' tag. */
  summary?: string
  /** The default of `<NAME>_PORT`. */
  port: number
  store: Store
  /** The problems that its operations answer, by code; codes begin with the name. */
  problems: Problems
  /** What it answers below `/api`. */
  operations: Operations
  /** What it publishes. */
  events?: Events
  /** The events that it applies, its own excepted. */
  consumes?: readonly object[]
}

/** What the variables of a service begin with: `ORDER_ITEMS` of `order-items`. */
export type Prefix<Name extends string> = Name extends `${infer Word}-${infer Rest}`
  ? `${Uppercase<Word>}_${Prefix<Rest>}`
  : Uppercase<Name>

/** The {@link Prefix} of a name: of a service, or of another account of the broker. */
export function prefixOf<const Name extends string> (name: Name): Prefix<Name> {
  return name.replaceAll('-', '_').toUpperCase() as Prefix<Name>
}

/** A service as plain data: whatever lists services follows from these declarations. */
export interface ServiceDefinition<
  Name extends ServiceName = ServiceName,
  Problems extends Record<string, ProblemDefinition> = Record<string, ProblemDefinition>,
  Operations extends readonly object[] = readonly Operation[],
  Events extends readonly object[] = readonly EventDefinition[]
> extends ServiceOptions<Name, Problems, Operations, Events> {
  /** The default of `<NAME>_OPS_PORT`, where it serves /metrics. */
  opsPort: number
  events: Events
  consumes: readonly EventDefinition[]
  prefix: Prefix<Name>
  /** Its database, and the role that uses it: `order_items` of `order-items`. */
  database: string
}

/** From a service's port to that of its metrics. */
const TO_OPS_PORT = 6_300

/** Declares a service. Throws at load time when a part of it belongs to another service. */
export function service<
  const Name extends ServiceName,
  const Problems extends Record<string, ProblemDefinition>,
  Operations extends readonly object[],
  Events extends readonly object[] = readonly never[]
> (
  options: ServiceOptions<Name, Problems, Operations, Events>
): ServiceDefinition<Name, Problems, Operations, Events> {
  const { name, port, operations, events = [] as unknown as Events, consumes = [] } = options
  const foreign = [
    ...(operations as readonly unknown[] as readonly Operation[]).filter((operation) => operation.service !== name)
      .map(({ id }) => id),
    ...(events as readonly unknown[] as readonly EventDefinition[]).filter(({ owner }) => owner !== name)
      .map(({ type }) => type)
  ]
  if (foreign.length > 0) throw new TypeError(`${foreign.join(', ')}: not of the service ${name}`)
  return {
    ...options,
    opsPort: port + TO_OPS_PORT,
    events,
    consumes: consumes as readonly EventDefinition[],
    prefix: prefixOf(name),
    database: name.replaceAll('-', '_')
  }
}

/** The same services, ordered by their ports; the edge, which stands before them all, comes last. */
export function byPort<Services extends Record<string, { name: string, port: number }>> (services: Services): Services {
  const place = ({ name, port }: { name: string, port: number }) => name === 'gateway' ? Infinity : port
  return Object.fromEntries(Object.entries(services).sort(([, a], [, b]) => place(a) - place(b))) as Services
}
