export { createDedupe, type Dedupe } from './dedupe.ts'
export { subscribe, type Beginning, type Delivery, type SubscribeOptions, type Subscription } from './subscribe.ts'
export type { EventDefinition, EventOf } from './event-definition.ts'
export * from './event-contract.ts'
