import type { Span } from './span.ts'

/** What the list of requests shows of a trace's first span. */
export interface RequestRow {
  traceId: string
  requestId: string
  method: string
  route: string
  status: number
  start: number
  ms: number
  userId: string | undefined
  client: string | undefined
  /** The rate limit that refused it. */
  limit: string | undefined
}

/** A request is what the gateway was asked; what our processes ask each other is part of one, or a routine. */
export function requestOf ({ kind, service, traceId, start, ms, attributes }: Span): RequestRow | undefined {
  if (kind !== 'server' || service !== 'gateway') return undefined
  const optional = (name: string) => name in attributes ? String(attributes[name]) : undefined
  return {
    traceId,
    requestId: optional('gatepost.request_id') ?? '',
    method: optional('http.request.method') ?? '',
    route: optional('http.route') ?? '',
    status: Number(attributes['http.response.status_code'] ?? 0),
    start,
    ms,
    userId: optional('enduser.id'),
    client: optional('client.address'),
    limit: optional('gatepost.limit')
  }
}
