import { AsyncLocalStorage } from 'node:async_hooks'
import type { Span } from '@opentelemetry/api'

/** Never entered while nothing is recorded, so that asking costs a look at an empty place. */
const active = new AsyncLocalStorage<Span>()

/** Runs the work, and all that it begins, as part of a span that is recorded. */
export function within<Result> (span: Span, work: () => Result): Result {
  return active.run(span, work)
}

/** The span that what runs now is part of; undefined where nothing is recorded. */
export function activeSpan (): Span | undefined {
  return active.getStore()
}

const exporting = { on: false }

/** Whether this process exports spans; for work whose span would cost something before it is known to be of no use. */
export function isExporting (): boolean {
  return exporting.on
}

/** From now on spans are exported (see otel.ts). */
export function beginExporting (): void {
  exporting.on = true
}
