import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ProblemError } from './problem.ts'

/** One request and its answer: the latest of a connection. */
export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  /** The reason why the rest of the request cannot be read. */
  fault?: ProblemError
  /** Whether the client ended its side before the request was whole, as a client that leaves does. */
  left?: boolean
  /** Tells the reader of the body of a fault. */
  onFault?: (fault: ProblemError) => void
}

const exchanges = new WeakMap<Socket, Exchange>()

/** Keeps the exchange of each connection, and hands requests with an expectation to `route` as well. */
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

/** The largest unread rest of a body that is worth reading to keep the connection. */
const WORTH_READING = 65_536

/** Whether an answer given now ends the connection, since too much of the request is still to come. */
export function endsConnection (request: IncomingMessage): boolean {
  if (request.complete) return false
  const { headers } = request
  if (exchangeOf(request)?.fault !== undefined) return true
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > WORTH_READING
}
