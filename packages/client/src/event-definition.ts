import type { CloudEvent, Events } from './event-contract.ts'

/** An event that can be subscribed to, such as `postCreated`. */
export interface EventDefinition<Type extends string = string> {
  /** CloudEvents `type`. */
  type: Type
  /** NATS subject. */
  subject: string
  /** The service that publishes it. */
  owner: string
}

/** The CloudEvent of each of the definitions, told apart by its `type`. */
export type EventOf<Definitions extends readonly unknown[]> = Definitions[number] extends infer Definition
  ? Definition extends { type: infer Type extends keyof Events } ? CloudEvent<Events[Type], Type> : CloudEvent
  : never
