import { sessionRevoked } from '../auth/events.ts'
import { postsEvents } from '../posts/events.ts'

/** What `GET /api/events` hands out: posts to everybody with a token, the end of a session to its user. */
export const liveEvents = [...postsEvents, sessionRevoked]
