export const authProblems = {
  AUTH_EMAIL_TAKEN: {
    status: 409,
    title: 'E-mail address taken',
    detail: 'There is an account with this e-mail address. Log in, or reset the password.',
    retry: false
  },
  AUTH_WEAK_PASSWORD: {
    status: 422,
    title: 'Weak password',
    detail: 'Choose another password; errors says why.',
    retry: false,
    errors: true
  },
  AUTH_INVALID_CREDENTIALS: {
    status: 401,
    title: 'Invalid credentials',
    detail: 'E-mail address or password is wrong.',
    retry: false
  },
  AUTH_TOO_MANY_ATTEMPTS: {
    status: 429,
    title: 'Too many attempts',
    detail: 'Wait for as many seconds as Retry-After says before the next attempt.',
    retry: true
  },
  AUTH_INVALID_REFRESH_TOKEN: {
    status: 401,
    title: 'Invalid refresh token',
    detail: 'The refresh token is not valid or its session has ended. Log in again.',
    retry: false
  },
  AUTH_REFRESH_TOKEN_REUSED: {
    status: 401,
    title: 'Refresh token reused',
    detail: 'An old refresh token was presented, so its session was ended. Log in again.',
    retry: false
  },
  AUTH_WRONG_PASSWORD: { status: 403, title: 'Wrong password', detail: 'The current password is wrong.', retry: false },
  AUTH_SESSION_NOT_FOUND: {
    status: 404,
    title: 'Session not found',
    detail: 'You have no live session with this id.',
    retry: false
  },
  AUTH_LOGIN_TOO_OLD: {
    status: 403,
    title: 'Login too old',
    detail: 'This needs a login of the last ten minutes, or the password. Log in again.',
    retry: false
  },
  AUTH_TOO_MANY_KEYS: {
    status: 409,
    title: 'Too many keys',
    detail: 'You have as many keys as one user may have. Delete one first.',
    retry: false
  },
  AUTH_KEY_NOT_FOUND: { status: 404, title: 'Key not found', detail: 'You have no key with this id.', retry: false },
  AUTH_USER_NOT_FOUND: { status: 404, title: 'User not found', detail: 'There is no user with this id.', retry: false },
  AUTH_INVALID_EMAIL_TOKEN: {
    status: 400,
    title: 'Invalid link',
    detail: 'The link is not valid, was used already or has expired. Ask for a new one.',
    retry: false
  },
  AUTH_EMAIL_NOT_VERIFIED: {
    status: 403,
    title: 'E-mail address not confirmed',
    detail: 'Confirm the e-mail address of the account first: a mail with a link is on its way.',
    retry: false
  },
  AUTH_LAST_ADMIN: {
    status: 409,
    title: 'Last administrator',
    detail: 'Make somebody else an administrator first.',
    retry: false
  }
} as const
