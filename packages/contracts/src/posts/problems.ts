export const postsProblems = {
  POSTS_POST_NOT_FOUND: {
    status: 404,
    title: 'Post not found',
    detail: 'There is no post with this id.',
    retry: false
  },
  POSTS_NOT_AUTHOR: {
    status: 403,
    title: 'Not the author',
    detail: 'Only its author may change a post.',
    retry: false
  },
  POSTS_VERSION_MISMATCH: {
    status: 412,
    title: 'Precondition failed',
    detail: 'The post has changed since. Read it again and use its current ETag.',
    retry: false
  },
  POSTS_INVALID_CURSOR: {
    status: 400,
    title: 'Invalid cursor',
    detail: 'The cursor was changed, or belongs to a list with other filters. Start again without one.',
    retry: false
  },
  POSTS_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'Idempotency key reused',
    detail: 'This Idempotency-Key came with another body before. Use a new key for a new request.',
    retry: false
  },
  POSTS_REQUEST_IN_FLIGHT: {
    status: 409,
    title: 'Request in flight',
    detail: 'A request with this Idempotency-Key is being worked on; try again after Retry-After seconds.',
    retry: true
  }
} as const
