import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ProblemError } from './problem.ts'

/** One request and its answer, of a connection's the last that began. */
export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  /** Why the rest of the request cannot be had. */
  fault?: ProblemError
  /** Whether the client ended its side before the request was whole, as one that leaves does. */
  left?: boolean
  /** Tells whoever reads the body of a fault. */
  onFault?: (fault: ProblemError) => void
}

const exchanges = new WeakMap<Socket, Exchange>()

/** Knows the exchange of each connection, and hands requests with an expectation to `route` as well. */
export function trackExchanges (
  server: Server,
  route: (request: IncomingMessage, response: ServerResponse) => void
): void {
  function track (request: IncomingMessage, response: ServerResponse) {
    exchanges.set(request.socket, { request, response })
  }
  server.prependListener('request', track)
  for (const event of ['checkContinue', 'checkExpectation']) {
    server.on(event, (request: IncomingMessage, response: ServerResponse) => {
      track(request, response)
      route(request, response)
    })
  }
}

export function lastExchangeOf (socket: Socket): Exchange | undefined {
  return exchanges.get(socket)
}

/** The exchange of a request whose body may still arrive. */
export function exchangeOf (request: IncomingMessage): Exchange | undefined {
  const exchange = exchanges.get(request.socket)
  return exchange?.request === request ? exchange : undefined
}

/** An unread rest of a body that is worth reading to keep the connection. */
const WORTH_READING = 65_536

/** Whether an answer given now ends the connection, since too much of the request is still to come. */
export function endsConnection (request: IncomingMessage): boolean {
  if (request.complete) return false
  const { headers } = request
  if (exchangeOf(request)?.fault !== undefined) return true
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > WORTH_READING
}
