import { type IncomingMessage, METHODS, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ProblemCode } from '@gatepost/contracts/problems'
import type { FastifyInstance } from 'fastify'
import { problemBody, ProblemError } from '../problem.ts'
import { requestId } from '../request-id.ts'
import { type Exchange, lastExchangeOf } from '../exchanges.ts'
import { instanceOf } from './request-target.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Decides whether a broken request is answered as it deserves or is over a limit, and with which headers. */
    limitBroken: ((request: Peer) => Promise<Limited>) | undefined
  }
}

export interface Peer {
  address: string
  /** The target as it was sent; undefined where the parser did not read it. */
  target: string | undefined
}

export interface Limited {
  headers: Record<string, string>
  /** The answer in its place. */
  refusal?: ProblemError
}

export interface ParserError extends Error {
  code?: string
  /** The bytes that the parser was reading. */
  rawPacket?: Buffer
}

interface Head {
  method: string
  target: string | undefined
  /** The request id that the client proposed. */
  offeredId?: string | string[]
}

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT'
}
const UNKNOWN: Head = { method: 'unknown', target: undefined }
const REQUEST_LINE = /^(?:\r?\n)*([A-Z-]+) (\S+) HTTP\//

/**
 * Answers requests that Node's parser gave up on, straight to the socket, and ends it. Each gets an id, a metric and a
 * log line, and never takes the place of the answer to the request before it.
 */
export function brokenRequests (app: FastifyInstance, headers: Readonly<Record<string, string>>) {
  const broken = new WeakSet<Socket>()

  function onParserError (error: ParserError, socket: Socket) {
    if (broken.has(socket)) return // of the bytes after the fault
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    broken.add(socket)
    const problem = new ProblemError(CODES[error.code ?? ''] ?? 'REQUEST_MALFORMED')
    const exchange = lastExchangeOf(socket)
    if (exchange?.request.complete === false) {
      exchange.left = error.code === 'HPE_INVALID_EOF_STATE'
      failBody(exchange, problem, socket)
    } else if (exchange === undefined || exchange.response.closed) answer(socket, problem, headOf(error.rawPacket))
    else {
      socket.pause()
      exchange.response.once('close', () => { answer(socket, problem, UNKNOWN) })
    }
  }

  /** The answer to the request whose body is at fault is the only one. */
  function failBody (exchange: Exchange, problem: ProblemError, socket: Socket) {
    exchange.fault = problem
    if (exchange.response.closed) socket.destroySoon()
    else exchange.response.once('close', () => { socket.destroySoon() })
    exchange.onFault?.(problem)
  }

  /** CONNECT, which asks for a tunnel. */
  function onTunnel (request: IncomingMessage, socket: Socket) {
    broken.add(socket)
    socket.on('error', () => {
      socket.destroy()
    })
    answer(socket, new ProblemError('REQUEST_MALFORMED', { detail: 'There are no tunnels here.' }), {
      method: 'CONNECT',
      target: request.url,
      offeredId: request.headers['x-request-id']
    })
  }

  function answer (socket: Socket, problem: ProblemError, head: Head) {
    const address = socket.remoteAddress ?? ''
    if (app.limitBroken === undefined) return write(socket, problem, head, address)
    app.limitBroken({ address, target: head.target }).then((limited) => {
      write(socket, problem, head, address, limited)
    }, (error: Error) => {
      socket.destroy(error)
    })
  }

  function write (
    socket: Socket,
    problem: ProblemError,
    { method, target, offeredId }: Head,
    address: string,
    limited?: Limited
  ) {
    const id = requestId(offeredId)
    const answered = limited?.refusal ?? problem
    const { statusCode } = answered
    const body = method === 'HEAD' ? '' : JSON.stringify(problemBody(answered, id, instanceOf(target ?? '')))
    const fields = {
      ...headers,
      ...answered.headers,
      ...limited?.headers,
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-request-id': id,
      connection: 'close'
    }
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
    for (const { broken: note } of app.outcomeNotes ?? []) note({ requestId: id, method, status: statusCode, address })
    if (socket.destroyed) return
    socket.write([`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`, ...lines, '', body].join('\r\n'))
    socket.destroySoon()
  }

  return { onParserError, onTunnel, isBroken: (socket: Socket) => broken.has(socket) }
}

/** The request line, if the packet begins with one. */
function headOf (packet: Buffer | undefined): Head {
  const [, method = '', target] = REQUEST_LINE.exec(packet?.toString('latin1', 0, 4096) ?? '') ?? []
  return METHODS.includes(method) ? { method, target } : UNKNOWN
}
