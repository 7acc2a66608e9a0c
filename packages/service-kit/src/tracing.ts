import { randomFillSync } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context, type Span } from '@opentelemetry/api'
import fp from 'fastify-plugin'
import { outcomeOf } from './outcome.ts'
import { isProbe } from './probe.ts'
import { within } from './active-span.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** W3C Trace Context to pass on: the caller's trace, with this request's own span as the parent. */
    traceparent: string
    /** The request's span, where it is recorded. */
    span: Span | undefined
  }
}

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

export interface TraceContext {
  traceId: string
  spanId: string
  flags: number
}

/** Reads a `traceparent` (W3C Trace Context level 1); undefined for anything that is not one. */
export function parseTraceparent (header: unknown): TraceContext | undefined {
  const match = typeof header === 'string' && header.length === 55 ? TRACEPARENT.exec(header) : null
  return match ? { traceId: match[1]!, spanId: match[2]!, flags: parseInt(match[3]!, 16) } : undefined
}

const MAX_STATE_LENGTH = 512
const MAX_STATE_MEMBERS = 32
/**
 * `key=value` (W3C Trace Context level 2, 3.3.1): a vendor's key, optionally with a tenant, and printable ASCII without
 * `,` and `=`.
 */
const STATE_MEMBER = /^([a-z0-9][a-z0-9_*/@-]{0,255})=([!-+\--<>-~ -]{0,255}[!-+\--<>-~-])$/

/**
 * The `tracestate` to pass on beside a continued `traceparent`; undefined for a malformed one, one with a repeated key,
 * and one without a valid `traceparent` (W3C Trace Context 4.3).
 */
export function tracestateOf ({ traceparent, tracestate }: IncomingHttpHeaders): string | undefined {
  if (
    typeof tracestate !== 'string' || tracestate.length > MAX_STATE_LENGTH ||
    parseTraceparent(traceparent) === undefined
  ) return undefined
  const members = tracestate.split(',').map((member) => member.trim()).filter(Boolean)
  const keys = new Set(members.map((member) => STATE_MEMBER.exec(member)?.[1]))
  const valid = members.length > 0 && members.length <= MAX_STATE_MEMBERS && keys.size === members.length &&
    !keys.has(undefined)
  return valid ? members.join(',') : undefined
}

const pool = Buffer.alloc(24 * 128)
let used = pool.length

/** A new span in the given trace, or in a new one; exported only if `recorded`. */
export function childTraceparent (parent: TraceContext | undefined, recorded = true): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const hex = pool.toString('hex', used, used += 24)
  const flags = recorded ? (parent?.flags ?? TraceFlags.SAMPLED) & TraceFlags.SAMPLED : TraceFlags.NONE
  return `00-${parent?.traceId ?? hex.slice(0, 32)}-${hex.slice(32)}-0${flags}`
}

/** The OpenTelemetry context whose current span is the remote one of `traceparent`. */
export function contextOf (traceparent: string | undefined): Context {
  const parent = parseTraceparent(traceparent)
  return parent
    ? trace.setSpanContext(ROOT_CONTEXT, {
      traceId: parent.traceId,
      spanId: parent.spanId,
      traceFlags: parent.flags,
      isRemote: true
    })
    : ROOT_CONTEXT
}

/** The `traceparent` that makes `span` the parent at its receiver. */
export function traceparentOf (span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`
}

/** Whether spans of this request are exported; `perSecond` bounds how many requests of this process are. */
export interface TracingOptions {
  record: boolean
  perSecond?: number | undefined
}

/**
 * Gives every request its `traceparent`. With `record`, exports a server span for up to `perSecond` requests a second
 * (see otel.ts). For other requests it passes ids on and costs nothing else.
 */
export const tracing = fp<TracingOptions>(async (app, { record, perSecond = Infinity }) => {
  app.decorateRequest('traceparent', '')
  app.decorateRequest('span', undefined)
  if (!record) {
    app.addHook('onRequest', (request, _reply, done) => {
      request.traceparent = childTraceparent(parseTraceparent(request.headers.traceparent))
      done()
    })
    return
  }
  const tracer = trace.getTracer('gatepost')
  const hasRoom = createBudget(perSecond)
  app.addHook('onRequest', (request, reply, done) => {
    const parent = parseTraceparent(request.headers.traceparent)
    const isWanted = parent === undefined || (parent.flags & TraceFlags.SAMPLED) !== 0
    if (!isWanted || isProbe(request.routeOptions.url) || !hasRoom()) {
      request.traceparent = childTraceparent(parent, false)
      return done()
    }
    const route = request.routeOptions.url ?? 'unknown'
    const span = tracer.startSpan(`${request.method} ${route}`, {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': request.method, 'http.route': route, 'gatepost.request_id': request.id }
    }, contextOf(request.headers.traceparent as string | undefined))
    request.span = span
    request.traceparent = traceparentOf(span)
    // onResponse does not come when the client has left
    reply.raw.on('close', () => end(span, outcomeOf(reply)))
    within(span, done)
  })
  // The body's last part came from the socket, which knows no request.
  app.addHook('preValidation', ({ span }, _reply, done) => span === undefined ? done() : within(span, done))
}, { name: 'tracing' })

/** True at most `perSecond` times in each second. */
function createBudget (perSecond: number): () => boolean {
  let second = 0
  let left = 0
  return () => {
    const now = Math.trunc(performance.now() / 1000)
    if (now !== second) {
      second = now
      left = perSecond
    }
    return left-- > 0
  }
}

function end (span: Span, status: number) {
  span.setAttribute('http.response.status_code', status)
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}
