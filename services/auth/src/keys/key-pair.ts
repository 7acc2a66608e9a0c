import { createHash, generateKeyPairSync } from 'node:crypto'
import type { JwkSet, SigningAlgorithm } from '@gatepost/contracts/auth/schemas'
import type { NewKey, StoredKey } from './key-repository.ts'
import { sealPrivateKey } from './private-key-cipher.ts'

/** Makes a key, its private half sealed. Its id is the RFC 7638 thumbprint: two keys cannot share one. */
export function newKey (encryptionKey: Buffer, algorithm: SigningAlgorithm): NewKey {
  const { publicKey, privateKey } = algorithm === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
  return {
    kid,
    algorithm,
    publicKey: x!,
    publicY: y ?? null,
    privateKey: sealPrivateKey(encryptionKey, kid, privateKey.export({ type: 'pkcs8', format: 'der' }))
  }
}

/** The public half as the JWK Set has it. */
export function jwkOf ({ kid, algorithm, publicKey: x, publicY }: StoredKey): JwkSet['keys'][number] {
  return algorithm === 'EdDSA'
    ? { kty: 'OKP', crv: 'Ed25519', x, kid, alg: algorithm, use: 'sig' }
    : { kty: 'EC', crv: 'P-256', x, y: publicY!, kid, alg: algorithm, use: 'sig' }
}
