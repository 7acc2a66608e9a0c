/**
 * What a token says that was signed with the key and is good now in all else that the library checks; throws at any
 * other.
 */
export type Verifier = (token: string) => unknown

/**
 * Signature, issuer, audience and times of a token. Its strict form and the schema of its claims are looked at
 * elsewhere.
 */
export interface TokenLibrary {
  name: string
  /** The verifier for tokens of one key, in PEM. */
  verifierOf (pem: string, issuer: string): Promise<Verifier>
  /** Whether no later time mends what a verifier threw. A token that is not good yet may become so. */
  isFinal (fault: unknown): boolean
}

export const AUDIENCE = 'gatepost'
export const CLOCK_SKEW_SECONDS = 5
