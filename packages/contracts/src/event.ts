import { Type, type Static, type TObject, type TProperties, type TSchema } from '@sinclair/typebox'
import { DateTimeSchema, IdSchema } from './schemas.ts'
import type { ServiceName } from './service-name.ts'

/** A service's statement about an event that it publishes; see {@link event}. */
export interface EventOptions<
  Data extends TObject,
  Owner extends ServiceName = ServiceName,
  Name extends string = string,
  Version extends number = number
> {
  /** The service that owns the event and alone may publish it. */
  owner: Owner
  /** Past tense, kebab-case: `post-created`. */
  name: Name
  /** Major version; a breaking change of `data` is a new event beside the old one. */
  version: Version
  summary: string
  /** The kind of aggregate. Its events share one sequence of versions per id. */
  aggregate: string
  /** The member of `data` that holds the aggregate's id. */
  aggregateId: keyof Static<Data> & string
  /**
   * Whether it says everything of the aggregate. The first event does; published again with a later version, after the
   * stream lost its past, it stands for all before it.
   */
  creating?: boolean
  /**
   * Whether nothing of the aggregate can come after it. A final event supersedes all before it, so consumers apply it
   * also when earlier ones are missing (they may have been erased on the user's request).
   */
  final?: boolean
  /**
   * Whether its text (personal data, somebody's writing) goes with the aggregate: once the aggregate's final
   * event is published, this one is erased from the stream, the outbox and the dead letters.
   */
  erasable?: boolean
  data: Data
}

/** One domain event: plain data from which subject, envelope, documentation and permissions follow. */
export interface EventDefinition<Data extends TObject = TObject, Type extends string = string>
  extends Omit<EventOptions<Data>, 'aggregateId'> {
  /**
   * The member of `data` that holds the aggregate's id; checked by {@link event}, plain here so that a list can hold
   * all events.
   */
  aggregateId: string
  /** CloudEvents `type`: `posts.post-created.v1`. */
  type: Type
  /** NATS subject: `events.posts.post-created.v1`. */
  subject: string
  /** CloudEvents `source`: `/services/posts`. */
  source: string
}

/** The stream that holds every event, and all subjects that it listens to. */
export const EVENTS_STREAM = 'EVENTS'
export const EVENTS_SUBJECTS = 'events.>'

/** A message larger than this is refused when the event is appended; NATS' own default limit is 1 MiB. */
export const MAX_EVENT_BYTES = 512 * 1024

/** Defines an event. Throws at load time when its name could not be a NATS subject token. */
export function event<
  Data extends TObject,
  const Owner extends ServiceName,
  const Name extends string,
  const Version extends number
> (
  options: EventOptions<Data, Owner, Name, Version>
): EventDefinition<Data, `${Owner}.${Name}.v${Version}`> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(options.name)) throw new TypeError(`not an event name: ${options.name}`)
  const type = `${options.owner}.${options.name}.v${options.version}` as const
  return { ...options, type, subject: `events.${type}`, source: `/services/${options.owner}` }
}

/**
 * The CloudEvents 1.0 envelope (structured mode, JSON) of one event.
 * `additionalProperties` stays open on purpose: CloudEvents allows extensions, and consumers must ignore unknown ones.
 */
export function envelopeOf<Data extends TObject> (definition: EventDefinition<Data>) {
  return Type.Object({
    specversion: Type.Literal('1.0'),
    id: IdSchema,
    source: Type.Literal(definition.source),
    type: Type.Literal(definition.type),
    subject: IdSchema,
    time: DateTimeSchema,
    datacontenttype: Type.Literal('application/json'),
    dataschema: Type.String(),
    traceparent: Type.Optional(Type.String()),
    aggregateversion: Type.Integer({ minimum: 1 }),
    data: definition.data as TSchema as Data
  }, { title: definition.type, description: definition.summary })
}

/** A published event as subscribers receive it. */
export interface CloudEvent<Data = unknown, Type extends string = string> {
  specversion: '1.0'
  /** UUIDv7; the same on every redelivery, and the `Nats-Msg-Id`. */
  id: string
  source: string
  type: Type
  /** The aggregate's id. */
  subject: string
  /** UTC, ISO 8601. */
  time: string
  datacontenttype: 'application/json'
  dataschema: string
  traceparent?: string
  /** 1, 2, 3 … per aggregate, without a gap; of an aggregate that ended, earlier ones may be erased. */
  aggregateversion: number
  data: Data
}

export type EventData<D> = D extends EventDefinition<infer Data> ? Static<Data> : never

/** `data` of an event: members may be added in a later version, so unknown ones are not refused. */
export function eventData<Properties extends TProperties> (properties: Properties) {
  return Type.Object(properties)
}

/** How tables and consumers of an aggregate are named: `users` of `user`, `boxes` of `box`, `entries` of `entry`. */
export function pluralOf (noun: string) {
  return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : /(s|x|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`
}
