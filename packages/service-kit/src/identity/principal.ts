import type { Role } from '@gatepost/contracts/schemas'

/** Who calls, as a verified access token says. */
export interface Principal {
  userId: string
  sessionId: string
  role: Role
  tokenId: string
  /** Seconds since the epoch. */
  issuedAt: number
  /** Seconds since the epoch. */
  expiresAt: number
}
