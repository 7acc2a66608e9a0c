import { problems, type ProblemCode } from '@gatepost/contracts/problems'

export interface FieldError {
  /** JSON Pointer into the request: `/body/title`. */
  path: string
  message: string
}

export interface ProblemOptions {
  /** Sentence for the client in place of the catalogue's; no internals. */
  detail?: string
  headers?: Record<string, string>
  errors?: FieldError[]
  /** For the log only. */
  cause?: unknown
}

/** RFC 9110 section 15.5.2: every 401 names a scheme. */
const CHALLENGE = 'Bearer realm="gatepost"'

/** A refusal with a code of the catalogue; the error handler answers it as `application/problem+json` (RFC 9457). */
export class ProblemError extends Error {
  override name = 'ProblemError'
  readonly code: ProblemCode
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly errors: FieldError[] | undefined

  constructor (code: ProblemCode, { detail, headers = {}, errors, cause }: ProblemOptions = {}) {
    // Code and cause say all of a refusal. A stack would make refusals dearer than service.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(detail ?? problems[code].detail, { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.code = code
    this.statusCode = problems[code].status
    this.headers = this.statusCode === 401 ? { 'www-authenticate': CHALLENGE, ...headers } : headers
    this.errors = errors
  }
}

/** Makes the error class of one code: `export const PostNotFoundError = problemError('POSTS_POST_NOT_FOUND')`. */
export function problemError (code: ProblemCode) {
  return class extends ProblemError {
    constructor (options?: ProblemOptions) {
      super(code, options)
    }
  }
}

/** `Retry-After` in whole seconds, at least one. */
export function retryAfter (seconds: number) {
  return { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
}

/** The body of a problem answer. */
export function problemBody (error: ProblemError, requestId: string, instance: string) {
  const { title, status } = problems[error.code]
  return {
    type: `/problems/${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    instance,
    requestId,
    ...error.errors && { errors: error.errors }
  }
}

const FASTIFY_CODES: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_BAD_URL: 'REQUEST_MALFORMED',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_MALFORMED'
}

/**
 * Translates any thrown value. An error that is no refusal of ours or of the parser becomes 500; its text stays in the
 * log.
 */
export function toProblem (error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  const { code, statusCode = 500 } = error as { code?: string, statusCode?: number }
  const known = code === undefined ? undefined : FASTIFY_CODES[code]
  if (known) return new ProblemError(known, { cause: error })
  if (statusCode === 503) return new ProblemError('OVERLOADED', { cause: error, headers: retryAfter(1) })
  if (statusCode >= 400 && statusCode < 500) return new ProblemError('REQUEST_MALFORMED', { cause: error })
  return new ProblemError('INTERNAL', { cause: error })
}
