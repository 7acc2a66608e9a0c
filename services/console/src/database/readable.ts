import { databaseOwners } from '@gatepost/contracts/declarations'

type Columns = readonly string[]

const SESSION: Columns = [
  'id',
  'user_id',
  'created_at',
  'last_used_at',
  'expires_at',
  'ip_address',
  'user_agent',
  'ended_at',
  'end_reason'
]
const ALL: Columns = ['*']

/** Beside outbox and inbox. */
const more: Record<string, Record<string, Columns>> = {
  auth: { sessions: SESSION, users: ['id', 'email', 'display_name', 'role'] }
}

/**
 * What the role of the console may read, by service, table and column: never a password, a key or a counter of refresh
 * tokens.
 */
export const readable: Record<string, Record<string, Columns>> = Object.fromEntries(
  databaseOwners.map(({ name, store, consumes }) => [name, {
    ...store === 'outbox' && { outbox: ALL },
    ...consumes.length > 0 && { inbox: ALL },
    ...more[name]
  }])
)
