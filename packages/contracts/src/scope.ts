/**
 * What an API key may be allowed: reading or changing what one service answers. A test holds the list to the
 * operations.
 */
export const SCOPES = ['auth:read', 'auth:write', 'posts:read', 'posts:write', 'feed:read', 'gateway:read'] as const

export type Scope = typeof SCOPES[number]
