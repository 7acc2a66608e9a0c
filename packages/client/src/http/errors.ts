import type { Problems } from '../contract.ts'

/** One fault of a request; `path` is a JSON Pointer into it, such as `/body/title`. */
export interface FieldError {
  path: string
  message: string
}

/** A problem of one code; see {@link ProblemError}. */
export interface ProblemErrorOf<Code extends keyof Problems> extends Error {
  name: 'ProblemError'
  code: Code
  status: Problems[Code]['status']
  title: string
  detail: string
  /** Leads the operators of the API to the request. */
  requestId: string
  errors: Problems[Code]['errors'] extends true ? readonly FieldError[] : readonly FieldError[] | undefined
  /** Seconds to wait before the next attempt, where the server says so. */
  retryAfter: number | undefined
}

/**
 * The API refused or failed, and says why (RFC 9457). Told apart by `code`, which narrows the other members. A newer
 * server may answer codes that this version does not know.
 */
export type ProblemError = { [Code in keyof Problems]: ProblemErrorOf<Code> }[keyof Problems]

interface ProblemErrorConstructor {
  new (problem: Record<string, unknown>, status: number, retryAfter: number | undefined): ProblemError
  readonly prototype: ProblemError
}

// eslint-disable-next-line @typescript-eslint/no-redeclare -- a type and its constructor, as a class would be
export const ProblemError: ProblemErrorConstructor = class ProblemError extends Error {
  constructor (problem: Record<string, unknown>, status: number, retryAfter: number | undefined) {
    super(`${problem.code}: ${problem.detail}`)
    const { title, detail, code, requestId, errors } = problem
    Object.assign(this, { name: 'ProblemError', title, detail, code, requestId, errors, status, retryAfter })
  }
} as unknown as ProblemErrorConstructor

/**
 * No answer of the API came: it could not be reached, was too slow, or something between answered in its place. What
 * the call was to do may have been done.
 */
export class NetworkError extends Error {
  override readonly name: string = 'NetworkError'
  readonly reason: 'unreachable' | 'timeout' | 'unreadable'
  /** The status of an answer that could not be understood. */
  readonly status: number | undefined

  constructor (
    reason: 'unreachable' | 'timeout' | 'unreadable',
    message: string,
    { cause, status }: { cause?: unknown, status?: number } = {}
  ) {
    super(message, { cause })
    this.reason = reason
    this.status = status
  }
}
