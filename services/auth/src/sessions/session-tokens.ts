import type { KeyObject } from 'node:crypto'
import type { Session } from '@gatepost/contracts/auth/schemas'
import { AUDIENCE } from '@gatepost/service-kit/identity'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { signAccessToken } from '../keys/access-token.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { type Account, userOf } from '../users/account.ts'
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
  /**
   * `accessExpiry` is what the session was asked to bear, so that a token lives as long as it says, whatever second its
   * answer is made in.
   */
  issue (account: Account, session: IssuedSession, accessExpiry: Date): Session
  /** An access token alone, with the scopes of an API key. */
  issueAccess(
    account: Account,
    session: Omit<IssuedSession, 'counter'>,
    accessExpiry: Date,
    scope?: string
  ): { accessToken: string, expiresIn: number }
  /** Null for what we did not make. */
  readRefreshToken (token: string): RefreshTokenContent | null
}

export function createSessionTokens (
  { keys, refreshKeys, issuer, accessTokenTtl }: {
    keys: KeyStore
    refreshKeys: readonly KeyObject[]
    issuer: string
    accessTokenTtl: number
  }
): SessionTokens {
  const issueAccess: SessionTokens['issueAccess'] = (
    { id, role },
    { sessionId, accessExpiresAt },
    accessExpiry,
    scope
  ) => {
    const exp = Math.floor(accessExpiresAt.getTime() / 1000)
    const iat = Math.min(accessExpiry.getTime() / 1000 - accessTokenTtl, exp)
    const claims = {
      iss: issuer,
      aud: AUDIENCE,
      sub: id,
      sid: sessionId,
      jti: uuidv7(),
      role,
      ...scope !== undefined && { scope },
      iat,
      exp
    }
    return { accessToken: signAccessToken(keys.current(), claims), expiresIn: exp - iat }
  }

  return {
    accessExpiry: () => new Date((Math.floor(Date.now() / 1000) + accessTokenTtl) * 1000),
    readRefreshToken (token) {
      for (const key of refreshKeys) {
        const content = decodeRefreshToken(key, token)
        if (content) return content
      }
      return null
    },
    issueAccess,
    issue (account, { sessionId, counter, accessExpiresAt }, accessExpiry) {
      return {
        user: userOf(account),
        ...issueAccess(account, { sessionId, accessExpiresAt }, accessExpiry),
        tokenType: 'Bearer',
        refreshToken: encodeRefreshToken(refreshKeys[0]!, { sessionId, counter }),
        sessionId
      }
    }
  }
}
