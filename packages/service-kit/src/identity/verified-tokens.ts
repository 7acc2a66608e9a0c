import type { Principal } from './principal.ts'

export interface VerifiedToken {
  principal: Principal
  kid: string
}

/**
 * Tokens whose signature was verified, so that it is verified once. Only good tokens get in, so junk cannot push them
 * out; at most `max`, the ones that came first leave first. What can change (expiry, revocation, key removal) is for the
 * caller to check on every hit.
 */
export function createVerifiedTokens (max: number) {
  const tokens = new Map<string, VerifiedToken>()
  // One iterator for good: a new one would walk over everything that was deleted before the first that is left.
  const oldest = tokens.keys()
  return {
    get: (token: string) => tokens.get(token),
    add (token: string, verified: VerifiedToken) {
      if (tokens.size >= max) tokens.delete(oldest.next().value!)
      tokens.set(token, verified)
    },
    delete: (token: string) => { tokens.delete(token) },
    get size () { return tokens.size }
  }
}
