import { createPublicKey } from 'node:crypto'
import type { SigningAlgorithm } from '@gatepost/contracts/auth/schemas'

/** The one algorithm of a key. It follows from the key: the token's own claim chooses nothing (RFC 8725 3.1). */
export function algorithmOf (pem: string): SigningAlgorithm {
  return createPublicKey(pem).asymmetricKeyType === 'ec' ? 'ES256' : 'EdDSA'
}
