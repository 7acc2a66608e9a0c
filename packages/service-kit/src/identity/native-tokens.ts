import type { Algorithm } from '@node-rs/jsonwebtoken'
import { algorithmOf } from './signing-algorithm.ts'
import { AUDIENCE, CLOCK_SKEW_SECONDS, type TokenLibrary } from './token-library.ts'

const FINAL_FAULTS = new Set(['InvalidSignature', 'ExpiredSignature'])

/**
 * @node-rs/jsonwebtoken: Rust's jsonwebtoken with its own Ed25519 takes 47 µs for a token; OpenSSL's Ed25519 alone
 * takes 105 µs. Rejects on a platform without a binary.
 */
export async function loadNativeTokens (): Promise<TokenLibrary> {
  const { verifySync } = await import('@node-rs/jsonwebtoken')
  return {
    name: '@node-rs/jsonwebtoken',

    async verifierOf (pem, issuer) {
      const validation = {
        algorithms: [algorithmOf(pem) as Algorithm],
        iss: [issuer],
        aud: [AUDIENCE],
        // A claim that is not required is not checked in a token without it.
        requiredSpecClaims: ['iss', 'aud', 'sub', 'exp'],
        validateNbf: true,
        leeway: CLOCK_SKEW_SECONDS
      }
      return (token) => verifySync(token, pem, validation)
    },

    isFinal: (fault) => fault instanceof Error && FINAL_FAULTS.has(fault.message)
  }
}
