import { createSecretKey, hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/** What TOKEN_SECRET is used for; one key each, so that none of them says anything about another. */
export type SecretPurpose =
  | 'signing-keys'
  | 'refresh-tokens'
  | 'login-attempts'
  | 'cursors'
  | 'api-keys'
  | 'mail-counts'

/** The secret that makes, and those that what was made before may be of. */
export function secretsOf (
  { TOKEN_SECRET, TOKEN_SECRET_PREVIOUS }: { TOKEN_SECRET: string, TOKEN_SECRET_PREVIOUS?: string }
): readonly string[] {
  return TOKEN_SECRET_PREVIOUS === undefined ? [TOKEN_SECRET] : [TOKEN_SECRET, TOKEN_SECRET_PREVIOUS]
}

/** Derives the key of one purpose (HKDF-SHA-256, RFC 5869). */
export function deriveKey (secret: string, purpose: SecretPurpose) {
  return Buffer.from(hkdfSync('sha256', secret, 'gatepost', purpose, KEY_BYTES))
}

/**
 * The same for an HMAC. Made into a key once: a Buffer would become one at each use, which takes longer than the HMAC.
 */
export function deriveMacKey (secret: string, purpose: SecretPurpose) {
  return createSecretKey(deriveKey(secret, purpose))
}
