import { ProblemError, problemError, retryAfter } from '@gatepost/service-kit/problem'
import type { Failure } from './upstreams/upstream.ts'

export const RouteNotFoundError = problemError('ROUTE_NOT_FOUND')
export const MalformedRequestError = problemError('REQUEST_MALFORMED')
export const UriTooLongError = problemError('URI_TOO_LONG')
export const UserNotFoundError = problemError('AUTH_USER_NOT_FOUND')
export const UpstreamUnavailableError = problemError('UPSTREAM_UNAVAILABLE')
export const UpstreamBrokenError = problemError('UPSTREAM_BROKEN')
export const RateLimitedError = problemError('RATE_LIMITED')
export const OverloadedError = problemError('OVERLOADED')

const RETRY_AFTER_SECONDS = 1

/** Why there is no answer, as the client is told. */
export function upstreamProblem (failure: Failure) {
  switch (failure) {
    case 'unreachable': return new ProblemError('UPSTREAM_UNAVAILABLE', { headers: retryAfter(RETRY_AFTER_SECONDS) })
    case 'overloaded': return new ProblemError('OVERLOADED', { headers: retryAfter(RETRY_AFTER_SECONDS) })
    case 'broken': return new ProblemError('UPSTREAM_BROKEN')
    case 'timeout': return new ProblemError('UPSTREAM_TIMEOUT')
  }
}
