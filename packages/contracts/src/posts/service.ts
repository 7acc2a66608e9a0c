import { userDeleted } from '../auth/events.ts'
import { service } from '../service.ts'
import { postsEvents } from './events.ts'
import { postsOperations } from './operations.ts'
import { postsProblems } from './problems.ts'

/** Posts; those of a user who leaves go. */
export const posts = service({
  name: 'posts',
  summary: 'Posts: write, read, search, change and delete them.',
  port: 3002,
  store: 'outbox',
  problems: postsProblems,
  operations: postsOperations,
  events: postsEvents,
  consumes: [userDeleted]
})
