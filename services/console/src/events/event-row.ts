import type { CloudEvent } from '@gatepost/contracts/event'

/** An event as the list shows it. */
export interface EventRow {
  sequence: number
  id: string
  type: string
  subject: string
  version: number
  time: string
  traceId: string | undefined
}

export function rowOf (
  sequence: number,
  { id, type, subject, aggregateversion, time, traceparent }: CloudEvent
): EventRow {
  return { sequence, id, type, subject, version: aggregateversion, time, traceId: traceparent?.slice(3, 35) }
}
