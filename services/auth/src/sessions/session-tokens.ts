import type { KeyObject } from 'node:crypto'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Session, User } from '@gatepost/contracts/auth/schemas'
import { AUDIENCE } from '@gatepost/service-kit/identity'
import { signAccessToken } from '../keys/access-token.ts'
import type { KeyStore } from '../keys/key-store.ts'
import type { Account } from '../users/user-repository.ts'
import { decodeRefreshToken, encodeRefreshToken, type RefreshTokenContent } from './refresh-token.ts'

/** A session as its row says after it began or moved on. */
export interface IssuedSession {
  sessionId: string
  counter: number
  /** When the access token that is to be made dies. */
  accessExpiresAt: Date
}

export interface SessionTokens {
  /** When an access token dies that is issued now, if its session lives that long. */
  accessExpiry (): Date
  /** `accessExpiry` is what the session was asked to bear, so that a token lives as long as it says, whatever second its answer is made in. */
  issue (account: Account, session: IssuedSession, accessExpiry: Date): Session
  /** Null for what we did not make. */
  readRefreshToken (token: string): RefreshTokenContent | null
}

export function createSessionTokens ({ keys, refreshKey, issuer, accessTokenTtl }: { keys: KeyStore, refreshKey: KeyObject, issuer: string, accessTokenTtl: number }): SessionTokens {
  return {
    accessExpiry: () => new Date((Math.floor(Date.now() / 1000) + accessTokenTtl) * 1000),
    readRefreshToken: (token) => decodeRefreshToken(refreshKey, token),
    issue (account, { sessionId, counter, accessExpiresAt }, accessExpiry) {
      const exp = Math.floor(accessExpiresAt.getTime() / 1000)
      const iat = Math.min(accessExpiry.getTime() / 1000 - accessTokenTtl, exp)
      const accessToken = signAccessToken(keys.current(), { iss: issuer, aud: AUDIENCE, sub: account.id, sid: sessionId, jti: uuidv7(), role: account.role, iat, exp })
      return {
        user: userOf(account),
        accessToken,
        tokenType: 'Bearer',
        expiresIn: exp - iat,
        refreshToken: encodeRefreshToken(refreshKey, { sessionId, counter }),
        sessionId
      }
    }
  }
}

export function userOf ({ id, email, displayName, role, createdAt }: Account): User {
  return { id, email, displayName, role, createdAt: createdAt.toISOString() }
}
