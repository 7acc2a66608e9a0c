export const feedProblems = {
  FEED_INVALID_CURSOR: {
    status: 400,
    title: 'Invalid cursor',
    detail: 'The cursor was changed. Start again without one.',
    retry: false
  }
} as const
