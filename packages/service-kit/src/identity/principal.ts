import type { Role } from '@gatepost/contracts/schemas'

/** The caller, as a verified access token names it. */
export interface Principal {
  userId: string
  sessionId: string
  role: Role
  /** Scopes of an API key's token; undefined for a login, which may do everything. */
  scopes: ReadonlySet<string> | undefined
  tokenId: string
  /** Seconds since the epoch. */
  issuedAt: number
  /** Seconds since the epoch. */
  expiresAt: number
}
