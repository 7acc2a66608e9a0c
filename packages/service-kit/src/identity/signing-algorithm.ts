import { createPublicKey } from 'node:crypto'
import type { SigningAlgorithm } from '@gatepost/contracts/auth/schemas'

/**
 * The one algorithm that a key signs with. It follows from the key: what a token says of itself chooses nothing
 * (RFC 8725 3.1).
 */
export function algorithmOf (pem: string): SigningAlgorithm {
  return createPublicKey(pem).asymmetricKeyType === 'ec' ? 'ES256' : 'EdDSA'
}
