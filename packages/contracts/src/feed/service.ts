import { userDeleted, userRegistered, userUpdated } from '../auth/events.ts'
import { postsEvents } from '../posts/events.ts'
import { service } from '../service.ts'
import { feedOperations } from './operations.ts'
import { feedProblems } from './problems.ts'

/** A read model of posts and their authors. */
export const feed = service({
  name: 'feed',
  summary: 'Everybody’s posts with their authors, from events alone.',
  port: 3003,
  store: 'inbox',
  problems: feedProblems,
  operations: feedOperations,
  consumes: [userRegistered, userUpdated, userDeleted, ...postsEvents]
})
