import type { KeyObject } from 'node:crypto'
import type { Session } from '@gatepost/contracts/auth/schemas'
import { AUDIENCE } from '@gatepost/service-kit/identity'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { signAccessToken } from '../keys/access-token.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { type Account, userOf } from '../users/account.ts'
import { decodeRefreshToken, encodeRefreshToken, type RefreshTokenContent } from './refresh-token.ts'

/** The row of a session after it began or moved on. */
export interface IssuedSession {
  sessionId: string
  counter: number
  /** The end of the access token to make. */
  accessExpiresAt: Date
}

export interface SessionTokens {
  /** The end of an access token that is issued now, if its session lives that long. */
  accessExpiry (): Date
  /**
   * `accessExpiry` is the end that the session was extended to, so that a token lives as long as it says, whichever
   * second it is made in.
   */
  issue (account: Account, session: IssuedSession, accessExpiry: Date): Session
  /** An access token alone, with the scopes of an API key. */
  issueAccess(
    account: Account,
    session: Omit<IssuedSession, 'counter'>,
    accessExpiry: Date,
    scope?: string
  ): { accessToken: string, expiresIn: number }
  /** Null for a text that is no refresh token of ours. */
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
    { id, role, emailVerified },
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
      email_verified: emailVerified,
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
