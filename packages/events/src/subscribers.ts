import { declarations } from '@gatepost/contracts/declarations'
import { consumers } from '@gatepost/contracts/events'

/** A program outside that reads the events under a name of its own. */
export interface Subscriber {
  name: string
  password: string
  /** How many consumers it may have. */
  consumers: number
}

const NAME = /^[a-z][a-z0-9-]{0,30}$/
const RESERVED = new Set([
  ...declarations.map(({ name }) => name),
  'console',
  'provisioner',
  'operator',
  'subscriber',
  ...Object.keys(consumers)
])
export const MAX_CONSUMERS_OF_ONE = 50

/** Returns the fault of a subscriber's name; undefined for a good one. */
export function faultOfName (name: string): string | undefined {
  if (!NAME.test(name)) {
    return `"${name}" is no name: it needs 1 to 31 lower-case letters, digits and dashes, a letter first`
  }
  return RESERVED.has(name) ? `${name} is a name of our own` : undefined
}

/**
 * The only names that the consumers of a subscriber may have; nats-server tells consumers apart by whole names alone.
 */
export function consumerNamesOf ({ name, consumers: count }: Pick<Subscriber, 'name' | 'consumers'>): string[] {
  return Array.from({ length: count }, (_, at) => at === 0 ? name : `${name}_${at + 1}`)
}
