import { problemError } from '@gatepost/service-kit/problem'

export const PostNotFoundError = problemError('POSTS_POST_NOT_FOUND')
export const NotAuthorError = problemError('POSTS_NOT_AUTHOR')
export const VersionMismatchError = problemError('POSTS_VERSION_MISMATCH')
export const InvalidCursorError = problemError('POSTS_INVALID_CURSOR')
export const IdempotencyKeyReusedError = problemError('POSTS_IDEMPOTENCY_KEY_REUSED')
export const RequestInFlightError = problemError('POSTS_REQUEST_IN_FLIGHT')
/** The token is still good, but the account that it speaks for is gone. */
export const AuthorGoneError = problemError('TOKEN_INVALID')
