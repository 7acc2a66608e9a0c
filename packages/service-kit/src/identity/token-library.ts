/**
 * Returns the claims of a token that the key signed and that passes the library's other checks; throws for any other
 * token.
 */
export type Verifier = (token: string) => unknown

/**
 * Checks signature, issuer, audience and times of a token. Its strict form and the schema of its claims are checked
 * elsewhere.
 */
export interface TokenLibrary {
  name: string
  /** The verifier for tokens of one key, in PEM. */
  verifierOf (pem: string, issuer: string): Promise<Verifier>
  /** Whether the verdict is final. A token that is not good yet may become good. */
  isFinal (fault: unknown): boolean
}

export const AUDIENCE = 'gatepost'
export const CLOCK_SKEW_SECONDS = 5
