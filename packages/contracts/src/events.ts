import { declarations } from './declarations.ts'
import { type EventDefinition, pluralOf } from './event.ts'
import type { ServiceDefinition } from './service.ts'
import type { ServiceName } from './service-name.ts'
import type { services } from './services.ts'

type Services = typeof services

/** The type of each event's definition, told apart by its `type`. */
export type KnownEvent = Services[keyof Services]['events'][number]

/** Every event that anybody publishes. */
export const events = declarations.flatMap((service) => service.events)

const byType = new Map(events.map((definition) => [definition.type, definition]))

/** The definition of a CloudEvents `type`, or undefined for one that we do not publish. */
export function eventOfType (type: string) {
  return byType.get(type)
}

const names = new Set(events.map(({ owner, name }) => `${owner}.${name}`))

/** Whether some version of the event is known, which is published beside the others. */
export function isKnownInSomeVersion (type: string) {
  return names.has(type.replace(/\.v\d+$/, ''))
}

/** A durable consumer of our own: the service that pulls it, and the events that it sees. */
export interface ConsumerDefinition {
  name: string
  service: ServiceName
  /** One subject filter: nats-server 2.9, the oldest that we support, takes no list. */
  filter: string
  /** Whether every event of the aggregates it handles passes the filter, so that a gap in their versions is a fault. */
  gapless: boolean
}

/**
 * The durable consumers of a service: one for each kind of aggregate whose events it applies, by what one filter can
 * say: a single event, or all of their owner.
 */
export function consumersOf ({ name, consumes }: ServiceDefinition): ConsumerDefinition[] {
  const byAggregate = Object.groupBy(consumes, ({ owner, aggregate }) => `${owner} ${aggregate}`)
  return Object.values(byAggregate).map((applied) => {
    const [{ owner, aggregate, subject }] = applied as [EventDefinition]
    const all = events.filter((event) => event.owner === owner && event.aggregate === aggregate)
    return {
      name: `${name}-${pluralOf(aggregate)}`,
      service: name,
      filter: applied!.length === 1 ? subject : `events.${owner}.>`,
      gapless: applied!.length > 1 || all.length === 1
    }
  })
}

/** The durable consumers by name; provisioning, broker permissions and services read them from here. */
export const consumers: Readonly<Record<string, ConsumerDefinition>> = Object.fromEntries(
  declarations.flatMap(consumersOf).map((consumer) => [consumer.name, consumer])
)
