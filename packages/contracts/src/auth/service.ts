import { service } from '../service.ts'
import { authEvents } from './events.ts'
import { authOperations } from './operations.ts'
import { authProblems } from './problems.ts'

/** Users, sessions, keys. */
export const auth = service({
  name: 'auth',
  summary: 'Accounts, sessions, API keys and their administration.',
  port: 3001,
  store: 'outbox',
  problems: authProblems,
  operations: authOperations,
  events: authEvents
})
