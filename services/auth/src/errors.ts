import { problemError } from '@gatepost/service-kit/problem'

export const EmailTakenError = problemError('AUTH_EMAIL_TAKEN')
export const WeakPasswordError = problemError('AUTH_WEAK_PASSWORD')
export const InvalidCredentialsError = problemError('AUTH_INVALID_CREDENTIALS')
export const TooManyAttemptsError = problemError('AUTH_TOO_MANY_ATTEMPTS')
export const InvalidRefreshTokenError = problemError('AUTH_INVALID_REFRESH_TOKEN')
export const RefreshTokenReusedError = problemError('AUTH_REFRESH_TOKEN_REUSED')
export const WrongPasswordError = problemError('AUTH_WRONG_PASSWORD')
export const SessionNotFoundError = problemError('AUTH_SESSION_NOT_FOUND')
export const UserNotFoundError = problemError('AUTH_USER_NOT_FOUND')
export const InvalidEmailTokenError = problemError('AUTH_INVALID_EMAIL_TOKEN')
export const LastAdminError = problemError('AUTH_LAST_ADMIN')
