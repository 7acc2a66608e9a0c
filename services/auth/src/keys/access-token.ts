import { sign, type KeyObject } from 'node:crypto'
import type { AccessTokenClaims, SigningAlgorithm } from '@gatepost/contracts/auth/schemas'

export interface SigningKey {
  kid: string
  algorithm: SigningAlgorithm
  privateKey: KeyObject
}

/** Signs a JWT after RFC 9068: `typ at+jwt`, Ed25519 (RFC 8037) or P-256 (RFC 7518 3.4). */
export function signAccessToken (key: SigningKey, claims: AccessTokenClaims) {
  const header = { alg: key.algorithm, typ: 'at+jwt', kid: key.kid }
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${signatureOf(Buffer.from(input), key).toString('base64url')}`
}

function signatureOf (input: Buffer, { algorithm, privateKey }: SigningKey) {
  return algorithm === 'EdDSA'
    ? sign(null, input, privateKey)
    : sign('sha256', input, { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

function encode (value: object) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
