import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.ts'

/** What no request may have in its head, whatever it asks for; looked for when the caller is known to be let in. */
export function faultOfHead ({ headers, raw, url, originalUrl }: FastifyRequest): ProblemError | null {
  if (url !== originalUrl) {
    return new ProblemError('REQUEST_MALFORMED', { detail: 'The path is not percent-encoded UTF-8.' })
  }
  if (raw.httpVersion === '1.1' && headers.host === undefined) {
    return new ProblemError('REQUEST_MALFORMED', { detail: 'The Host header is missing.' })
  }
  if (raw.httpVersion === '1.1' && headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return new ProblemError('EXPECTATION_FAILED', { headers: { connection: 'close' } }) // a body may follow, or not
  }
  return headers['content-encoding'] === undefined ? null : new ProblemError('UNSUPPORTED_MEDIA_TYPE')
}
