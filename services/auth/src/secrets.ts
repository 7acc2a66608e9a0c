import { createSecretKey, hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/** The purposes of TOKEN_SECRET. Each has a key of its own, so that none tells anything about another. */
export type SecretPurpose =
  | 'signing-keys'
  | 'refresh-tokens'
  | 'login-attempts'
  | 'cursors'
  | 'api-keys'
  | 'mail-counts'

/** The present secret, and the one before it, which may have made older tokens and keys. */
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
 * Derives a key for an HMAC. Made into a KeyObject once: the conversion of a Buffer at each use takes longer than the
 * HMAC.
 */
export function deriveMacKey (secret: string, purpose: SecretPurpose) {
  return createSecretKey(deriveKey(secret, purpose))
}
