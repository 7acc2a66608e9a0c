import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.ts'
import { unsupportedMediaType } from './body-parser.ts'
import { isDecodable } from './request-target.ts'

/** The fault of a request head that no operation takes, if any; looked for once the caller is let in. */
export function faultOfHead (request: FastifyRequest): ProblemError | undefined {
  const { headers, raw, url, originalUrl } = request
  if (url !== originalUrl) {
    return new ProblemError('REQUEST_MALFORMED', { detail: 'The path is not percent-encoded UTF-8.' })
  }
  if (raw.httpVersion === '1.1' && headers.host === undefined) {
    return new ProblemError('REQUEST_MALFORMED', { detail: 'The Host header is missing.' })
  }
  if (raw.httpVersion === '1.1' && headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
    return new ProblemError('EXPECTATION_FAILED', { headers: { connection: 'close' } }) // a body may follow, or not
  }
  if (headers['content-encoding'] !== undefined) return unsupportedMediaType(request)
  if (!isDecodable(url)) {
    return new ProblemError('REQUEST_INVALID', {
      errors: [{ path: '/query', message: 'is not valid percent-encoded UTF-8' }]
    })
  }
  return undefined
}
