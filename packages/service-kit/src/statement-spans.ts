import { AsyncResource } from 'node:async_hooks'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import pg from 'pg'
import { activeSpan } from './active-span.ts'

type Callback = (error: Error | null | undefined, ...results: unknown[]) => void

/**
 * A client whose statements are spans of the recorded work that sends them, with the text, which holds no values. Free
 * while nothing is recorded.
 */
export class TracedClient extends pg.Client {
  override query (...args: any[]): any {
    const parent = activeSpan()
    const text = textOf(args[0])
    const callQuery = super.query as (...args: any[]) => any
    if (parent === undefined || text === undefined) return callQuery.apply(this, args)
    const span = trace.getTracer('gatepost').startSpan(text.trimStart().split(/\s/, 1)[0]!, {
      kind: SpanKind.CLIENT,
      attributes: { 'db.system.name': 'postgresql', 'db.namespace': this.database ?? '', 'db.query.text': text }
    }, trace.setSpan(ROOT_CONTEXT, parent))
    const callback = args.at(-1)
    if (typeof callback === 'function') {
      args[args.length - 1] = endingWith(span, callback)
      return callQuery.apply(this, args)
    }
    const result = callQuery.apply(this, args) as Promise<unknown>
    result.then(() => end(span), (error: Error) => end(span, error))
    return result
  }
}

/** A pool whose callers get a connection within the work that asked for it, not within the work that released it. */
export class TracedPool extends pg.Pool {
  override connect (callback?: any): any {
    if (callback === undefined || activeSpan() === undefined) return super.connect(callback)
    return super.connect(AsyncResource.bind(callback))
  }
}

function textOf (query: unknown): string | undefined {
  if (typeof query === 'string') return query
  const text = (query as { text?: unknown } | undefined)?.text
  return typeof text === 'string' ? text : undefined
}

function endingWith (span: Span, callback: Callback): Callback {
  return (error, ...results) => {
    end(span, error ?? undefined)
    callback(error, ...results)
  }
}

function end (span: Span, error?: Error) {
  if (error) span.setStatus({ code: SpanStatusCode.ERROR, message: (error as { code?: string }).code ?? error.name })
  span.end()
}
