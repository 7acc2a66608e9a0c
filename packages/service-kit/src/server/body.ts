import type { IncomingMessage } from 'node:http'
import { ProblemError } from '../problem.ts'
import { exchangeOf } from '../exchanges.ts'

type Done = (error: ProblemError | null, bytes?: Buffer) => void

const FIRST_BYTES = 4096
/**
 * Pieces beyond the first ones have at least this size on average: each piece costs about two microseconds, and a chunk
 * of one byte six bytes.
 */
const FIRST_PIECES = 2_000
const BYTES_OF_PIECE = 16

/**
 * Reads the body of a request of at most `limit` bytes. Pieces are copied into one buffer, so that a body costs about
 * its own size however small its pieces are; too many small pieces are refused. A fault of the connection (a timeout,
 * broken framing) is the error.
 */
export function readBody (request: IncomingMessage, limit: number, done: Done): void {
  const exchange = exchangeOf(request)
  if (exchange?.fault !== undefined) return done(exchange.fault)
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > limit) return done(new ProblemError('BODY_TOO_LARGE'))
  let bytes = Buffer.alloc(0)
  let length = 0
  let pieces = 0

  function onData (chunk: Buffer) {
    if (++pieces > FIRST_PIECES + length / BYTES_OF_PIECE) {
      return settle(new ProblemError('REQUEST_MALFORMED', { detail: 'The body comes in too many small pieces.' }))
    }
    if (length + chunk.length > limit) return settle(new ProblemError('BODY_TOO_LARGE'))
    if (length + chunk.length > bytes.length) bytes = grown(chunk.length)
    length += chunk.copy(bytes, length)
  }
  function grown (more: number) {
    const larger = Buffer.allocUnsafe(Math.max(length + more, Math.min(limit, Math.max(2 * length, FIRST_BYTES))))
    bytes.copy(larger, 0, 0, length)
    return larger
  }
  function onEnd () { settle(null) }
  function onError () { settle(new ProblemError('REQUEST_MALFORMED')) }
  function settle (error: ProblemError | null) {
    request.off('data', onData).off('end', onEnd).off('error', onError)
    if (exchange) exchange.onFault = undefined
    request.resume() // the rest is thrown away
    done(error, bytes.subarray(0, length))
  }
  if (exchange) exchange.onFault = settle
  if (request.headers.expect !== undefined && request.httpVersion === '1.1') exchange?.response.writeContinue()
  request.on('data', onData).on('end', onEnd).on('error', onError)
}
