import { type RequestRow, requestOf } from './request-row.ts'
import type { Span } from './span.ts'

export interface TraceStore {
  add (spans: readonly Span[]): void
  /** The spans of a trace, in the order of their beginnings; empty for one that is not known any more. */
  trace (traceId: string): Span[]
  /** Newest first. */
  requests (): RequestRow[]
  /** Calls back with what came; returns how to stop that. */
  onChange (listener: (change: { requests: RequestRow[], traceIds: Set<string> }) => void): () => void
  readonly size: { traces: number, spans: number, dropped: number }
}

const MAX_REQUESTS = 2_000
const MAX_TRACES = 4_000
const MAX_SPANS = 20_000
/** Spans of one trace; a loop of somebody's must not push out everything else. */
const MAX_SPANS_OF_ONE = 500

/** The newest traces, bounded in number; the oldest go first. */
export function createTraceStore (): TraceStore {
  const traces = new Map<string, Span[]>()
  const requests: RequestRow[] = []
  const listeners = new Set<Parameters<TraceStore['onChange']>[0]>()
  let spanCount = 0
  let dropped = 0

  function keep (span: Span) {
    let spans = traces.get(span.traceId)
    if (spans === undefined) traces.set(span.traceId, spans = [])
    if (spans.length >= MAX_SPANS_OF_ONE) {
      dropped++
      return
    }
    spans.push(span)
    spanCount++
    while (spanCount > MAX_SPANS || traces.size > MAX_TRACES) {
      const [oldest, gone] = traces.entries().next().value!
      traces.delete(oldest)
      spanCount -= gone.length
    }
  }

  return {
    add (spans) {
      const rows: RequestRow[] = []
      for (const span of spans) {
        keep(span)
        const row = requestOf(span)
        if (row) rows.push(row)
      }
      requests.push(...rows)
      if (requests.length > MAX_REQUESTS) requests.splice(0, requests.length - MAX_REQUESTS)
      const change = { requests: rows, traceIds: new Set(spans.map(({ traceId }) => traceId)) }
      for (const listener of listeners) listener(change)
    },
    trace: (traceId) => (traces.get(traceId) ?? []).toSorted((a, b) => a.start - b.start),
    requests: () => requests.toReversed(),
    onChange (listener) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    get size () { return { traces: traces.size, spans: spanCount, dropped } }
  }
}
