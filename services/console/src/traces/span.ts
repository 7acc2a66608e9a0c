/** A span as the console keeps it: what the pages show, and no more. Times are milliseconds since the epoch. */
export interface Span {
  traceId: string
  spanId: string
  parentSpanId: string
  service: string
  name: string
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  start: number
  ms: number
  /** The message of a span that failed. */
  error: string | undefined
  attributes: Record<string, string | number | boolean>
}

const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const HEX_TRACE = /^[0-9a-f]{32}$/
const HEX_SPAN = /^[0-9a-f]{16}$/
const MAX_TEXT = 2_000
const MAX_ATTRIBUTES = 24

/** A body that is no OTLP/JSON export (opentelemetry-proto, ExportTraceServiceRequest). */
export class MalformedExportError extends Error {
  override name = 'MalformedExportError'
}

/** The spans of an export. What is malformed is left out and counted; throws when nothing can be read at all. */
export function spansOf (body: unknown): { spans: Span[], rejected: number } {
  const resources = list(body, 'resourceSpans')
  if (resources === undefined) throw new MalformedExportError('resourceSpans is missing')
  const spans: Span[] = []
  let rejected = 0
  for (const resource of resources) {
    const service = text(attributesOf(record(record(resource).resource).attributes)['service.name']) || 'unknown'
    for (const scope of list(resource, 'scopeSpans') ?? []) {
      for (const raw of list(scope, 'spans') ?? []) {
        const span = spanOf(record(raw), service)
        if (span === undefined) rejected++
        else spans.push(span)
      }
    }
  }
  return { spans, rejected }
}

function spanOf (raw: Record<string, unknown>, service: string): Span | undefined {
  const { traceId, spanId, parentSpanId = '' } = raw
  const start = milliseconds(raw.startTimeUnixNano)
  const end = milliseconds(raw.endTimeUnixNano)
  if (!matches(HEX_TRACE, traceId) || !matches(HEX_SPAN, spanId) || Number.isNaN(end - start)) return undefined
  const status = record(raw.status)
  return {
    traceId,
    spanId,
    parentSpanId: matches(HEX_SPAN, parentSpanId) ? parentSpanId : '',
    service: service.slice(0, 60),
    name: text(raw.name),
    kind: KINDS[Number(raw.kind)] ?? 'internal',
    start,
    ms: Math.max(0, Math.round((end - start) * 1000) / 1000),
    error: status.code === 2 ? text(status.message) || 'failed' : undefined,
    attributes: attributesOf(raw.attributes)
  }
}

function attributesOf (raw: unknown): Span['attributes'] {
  const attributes: Span['attributes'] = {}
  for (const entry of Array.isArray(raw) ? raw.slice(0, MAX_ATTRIBUTES) : []) {
    const { key, value } = record(entry)
    const { stringValue, intValue, doubleValue, boolValue } = record(value)
    const number = intValue ?? doubleValue
    if (typeof key !== 'string' || key === '__proto__') continue
    if (stringValue !== undefined) attributes[key.slice(0, 100)] = text(stringValue)
    else if (typeof boolValue === 'boolean') attributes[key.slice(0, 100)] = boolValue
    else if (number !== undefined) attributes[key.slice(0, 100)] = Number(number)
  }
  return attributes
}

/** Nanoseconds are more digits than a number has; a thousandth of a millisecond is enough here. */
function milliseconds (nanoseconds: unknown) {
  const digits = String(nanoseconds ?? '')
  return /^\d{7,20}$/.test(digits) ? Number(digits.slice(0, -3)) / 1000 : NaN
}

function list (value: unknown, member: string): unknown[] | undefined {
  const items = record(value)[member]
  return Array.isArray(items) ? items : undefined
}

function record (value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function text (value: unknown) {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : ''
}

function matches (pattern: RegExp, value: unknown): value is string {
  return typeof value === 'string' && pattern.test(value)
}
