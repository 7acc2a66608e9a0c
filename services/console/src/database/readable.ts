/**
 * What the role of the console may read, by database, table and column: never a password, a key or a counter of
 * refresh tokens.
 */
export const readable: Record<string, Record<string, readonly string[]>> = {
  auth: {
    outbox: ['*'],
    sessions: [
      'id',
      'user_id',
      'created_at',
      'last_used_at',
      'expires_at',
      'ip_address',
      'user_agent',
      'ended_at',
      'end_reason'
    ],
    users: ['id', 'email', 'display_name', 'role']
  },
  posts: { outbox: ['*'], inbox: ['*'] },
  feed: { inbox: ['*'] }
}
