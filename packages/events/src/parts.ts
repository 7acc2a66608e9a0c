import { EVENTS_STREAM } from '@gatepost/contracts/event'
import type { Operator } from './operator.ts'

/** One of `count` equal parts of all ids, by their random ends. */
export interface Part {
  count: number
  index: number
}

export const WHOLE: Part = { count: 1, index: 0 }

/** Ids of this many events are held in memory at once, which takes some 300 MB; a longer stream is read once a part. */
const EVENTS_AT_ONCE = 1_000_000

/** The parts in which the stream is compared with tables. */
export async function partsOf ({ jsm }: Operator, eventsAtOnce: number = EVENTS_AT_ONCE): Promise<Part[]> {
  const { state } = await jsm.streams.info(EVENTS_STREAM)
  const count = Math.max(1, Math.ceil(state.messages / eventsAtOnce))
  return Array.from({ length: count }, (_, index) => ({ count, index }))
}

export function isInPart (id: string, { count, index }: Part): boolean {
  return count === 1 || parseInt(id.slice(-4), 16) % count === index
}

/** The same as SQL. */
export function partCondition (column: string, { count, index }: Part): string {
  return count === 1 ? 'true' : `('x' || right(${column}::text, 4))::bit(16)::int % ${count} = ${index}`
}
