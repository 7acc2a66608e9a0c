import { authEvents } from './auth/events.ts'
import type { EventDefinition, ServiceName } from './event.ts'
import { postsEvents } from './posts/events.ts'

const definitions = [...authEvents, ...postsEvents]

/** The type of each event's definition, told apart by its `type`. */
export type KnownEvent = typeof definitions[number]

/** Every event that anybody publishes. */
export const events = definitions as unknown as readonly EventDefinition[]

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

/** A durable consumer of our own: who pulls it and what it sees. */
export interface ConsumerDefinition {
  name: string
  service: ServiceName
  /** One subject filter: nats-server 2.9, the oldest that we support, takes no list. */
  filter: string
  /** Whether every event of the aggregates it handles passes the filter, so that a gap in their versions is a fault. */
  gapless: boolean
}

/** The durable consumers; provisioning, broker permissions and services read them from here. */
export const consumers = {
  'feed-users': { name: 'feed-users', service: 'feed', filter: 'events.auth.>', gapless: true },
  'feed-posts': { name: 'feed-posts', service: 'feed', filter: 'events.posts.>', gapless: true },
  'posts-users': { name: 'posts-users', service: 'posts', filter: 'events.auth.user-deleted.v1', gapless: false }
} as const satisfies Record<string, ConsumerDefinition>
