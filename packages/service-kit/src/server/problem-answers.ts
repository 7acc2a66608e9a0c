import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ProblemCode } from '@gatepost/contracts/problems'
import { problemBody, ProblemError, toProblem } from '../problem.ts'
import { requestId } from '../request-id.ts'

/** Answers a thrown error as problem+json; only what we did not mean to happen is logged as an error. */
export function answerProblem (error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = toProblem(error)
  if (problem.code === 'INTERNAL') request.server.log.error({ err: error, requestId: request.id }, 'unexpected error')
  return reply
    .code(problem.statusCode)
    .headers({ ...problem.headers, 'cache-control': 'no-store', 'x-request-id': request.id })
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.id, request.url.split('?', 1)[0]!.slice(0, 256)))
}

const SOCKET_CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
  EXPECTATION_FAILED: 'EXPECTATION_FAILED'
}

/** Makes what answers a request that Node's parser gave up on, straight to the socket, and closes it. */
export function brokenRequestAnswer (headers: Readonly<Record<string, string>>) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return (error: Error & { code?: string }, socket: Socket) => answerBrokenRequest(error, socket, lines)
}

function answerBrokenRequest (error: Error & { code?: string }, socket: Socket, headerLines: string[]) {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = new ProblemError(SOCKET_CODES[error.code ?? ''] ?? 'REQUEST_MALFORMED')
  const id = requestId(undefined)
  const body = JSON.stringify(problemBody(problem, id, ''))
  socket.end([
    `HTTP/1.1 ${problem.statusCode} ${STATUS_CODES[problem.statusCode]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${id}`,
    'cache-control: no-store',
    ...headerLines,
    'connection: close',
    '', body
  ].join('\r\n'))
}
