import { AccessTokenClaimsSchema } from '@gatepost/contracts/auth/schemas'
import { fastify } from 'fastify'
import { algorithmOf } from './signing-algorithm.ts'
import { AUDIENCE, CLOCK_SKEW_SECONDS, type TokenLibrary } from './token-library.ts'

const FINAL_FAULTS = new Set(['FAST_JWT_INVALID_SIGNATURE', 'FAST_JWT_EXPIRED'])

/**
 * @fastify/jwt, with one instance for each key. It parses a key that a function finds anew for every token, and answers
 * with a promise; it parses the key that it is registered with once, which takes a third off a check.
 */
export const pluginTokens: TokenLibrary = {
  name: '@fastify/jwt',

  async verifierOf (pem, issuer) {
    const { default: jwt } = await import('@fastify/jwt')
    const instance = fastify()
    await instance.register(jwt, {
      secret: { public: pem },
      verify: {
        algorithms: [algorithmOf(pem)],
        checkTyp: 'at+jwt',
        allowedIss: issuer,
        allowedAud: AUDIENCE,
        requiredClaims: AccessTokenClaimsSchema.required,
        clockTolerance: CLOCK_SKEW_SECONDS * 1000
      }
    })
    return (token) => instance.jwt.verify(token)
  },

  isFinal: (fault) => FINAL_FAULTS.has((fault as { code?: string }).code ?? '')
}
