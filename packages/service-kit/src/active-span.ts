import { AsyncLocalStorage } from 'node:async_hooks'
import type { Span } from '@opentelemetry/api'

/** Never entered while nothing is recorded, so that a look at it costs next to nothing. */
const active = new AsyncLocalStorage<Span>()

/** Runs the work, and everything that it starts, as part of a recorded span. */
export function within<Result> (span: Span, work: () => Result): Result {
  return active.run(span, work)
}

/** The span of the running work; undefined where nothing is recorded. */
export function activeSpan (): Span | undefined {
  return active.getStore()
}

const exporting = { on: false }

/** Whether this process exports spans; for callers whose span costs something before it is known to be wanted. */
export function isExporting (): boolean {
  return exporting.on
}

/** From now on spans are exported (see otel.ts). */
export function beginExporting (): void {
  exporting.on = true
}
