import type { Operation } from '@gatepost/contracts/operation'
import { tracestateOf } from '@gatepost/service-kit/tracing'
import type { FastifyRequest } from 'fastify'
import { forwardedOrigin } from './forwarded-origin.ts'

/**
 * Client headers that every service receives. All others stop here: identity, forwarding and hop-by-hop
 * headers.
 */
const ALWAYS = ['accept', 'accept-language', 'user-agent']
const VIA = '1.1 gatepost'

/**
 * Makes the function that builds the headers of an operation's upstream call, from nothing: the client's headers that
 * are on the list, then ours. Names and values in turn, as undici takes them.
 */
export function requestHeadersOf (operation: Operation) {
  const allowed = [...ALWAYS, ...Object.keys(operation.headers.properties)]
  const passesToken = operation.auth !== 'none'
  // Logging out twice is fine, so auth is shown also a token that is good no more.
  const passesAnyToken = operation.auth === 'optional'
  const timeout = String(operation.timeoutMs)

  return function requestHeaders (request: FastifyRequest): string[] {
    const { headers, client } = request
    const built: string[] = []
    for (const name of allowed) {
      const value = headers[name]
      if (typeof value === 'string') built.push(name, value)
    }
    if (passesToken && (request.principal !== undefined || passesAnyToken) && headers.authorization !== undefined) {
      built.push('authorization', headers.authorization)
    }
    if (request.rawBody !== undefined) built.push('content-type', operation.bodyType)
    const tracestate = headers.tracestate === undefined ? undefined : tracestateOf(headers)
    if (tracestate !== undefined) built.push('tracestate', tracestate)
    const { proto, host } = forwardedOrigin(headers, client.trusted)
    built.push(
      'x-request-id',
      request.id,
      'traceparent',
      request.traceparent,
      'x-forwarded-for',
      client.address,
      'x-forwarded-proto',
      proto,
      'x-forwarded-host',
      host,
      'forwarded',
      `for=${client.address.includes(':') ? `"[${client.address}]"` : client.address};host="${host}";proto=${proto}`,
      'x-request-timeout-ms',
      timeout,
      'via',
      VIA
    )
    return built
  }
}
