/** What any layer of any process can answer. */
export const edgeProblems = {
  REQUEST_INVALID: {
    status: 400,
    title: 'Invalid request',
    detail: 'The request does not fit the contract; see errors.',
    retry: false,
    errors: true
  },
  REQUEST_MALFORMED: {
    status: 400,
    title: 'Malformed request',
    detail: 'The request could not be read.',
    retry: false
  },
  TOKEN_REQUIRED: {
    status: 401,
    title: 'Authentication required',
    detail: 'Send a valid access token: Authorization: Bearer <accessToken>.',
    retry: false
  },
  TOKEN_INVALID: {
    status: 401,
    title: 'Invalid access token',
    detail: 'The access token is not valid, expired or revoked. Refresh it or log in again.',
    retry: false
  },
  FORBIDDEN: {
    status: 403,
    title: 'Not allowed',
    detail: 'This needs a role that the access token does not have.',
    retry: false
  },
  SCOPE_MISSING: {
    status: 403,
    title: 'Scope missing',
    detail: 'The key lacks the scope that this call needs.',
    retry: false
  },
  ROUTE_NOT_FOUND: {
    status: 404,
    title: 'Not found',
    detail: 'There is nothing at this path. /docs lists what there is.',
    retry: false
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'Method not allowed',
    detail: 'This path does not know the method; see the Allow header.',
    retry: false
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'Request timeout',
    detail: 'The request did not arrive in time.',
    retry: true
  },
  BODY_TOO_LARGE: { status: 413, title: 'Body too large', detail: 'The request body exceeds the limit.', retry: false },
  URI_TOO_LONG: {
    status: 414,
    title: 'URI too long',
    detail: 'The request target is longer than the server takes.',
    retry: false
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'Send the media type that the operation takes, in UTF-8, without a content encoding.',
    retry: false
  },
  EXPECTATION_FAILED: {
    status: 417,
    title: 'Expectation failed',
    detail: 'The only expectation that is met is 100-continue.',
    retry: false
  },
  RATE_LIMITED: {
    status: 429,
    title: 'Too many requests',
    detail: 'Wait for as many seconds as Retry-After says.',
    retry: true
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'Header fields too large',
    detail: 'The request headers are larger than the server takes.',
    retry: false
  },
  INTERNAL: {
    status: 500,
    title: 'Internal error',
    detail: 'Something went wrong here. The request id leads us to it.',
    retry: true
  },
  UPSTREAM_BROKEN: {
    status: 502,
    title: 'Bad gateway',
    detail: 'A service broke off or answered nonsense.',
    retry: true
  },
  UPSTREAM_UNAVAILABLE: {
    status: 503,
    title: 'Service unavailable',
    detail: 'No instance of the service can be reached; try again after Retry-After seconds.',
    retry: true
  },
  OVERLOADED: {
    status: 503,
    title: 'Overloaded',
    detail: 'There is more work than can be done now; try again after Retry-After seconds.',
    retry: true
  },
  UPSTREAM_TIMEOUT: { status: 504, title: 'Gateway timeout', detail: 'A service did not answer in time.', retry: true }
} as const
