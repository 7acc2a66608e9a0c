import type { Role } from '@gatepost/contracts/schemas'

/** Who calls, as a verified access token says. */
export interface Principal {
  userId: string
  sessionId: string
  role: Role
  /** What an API key's token may do; undefined for a login, which may do everything. */
  scopes: ReadonlySet<string> | undefined
  tokenId: string
  /** Seconds since the epoch. */
  issuedAt: number
  /** Seconds since the epoch. */
  expiresAt: number
}
