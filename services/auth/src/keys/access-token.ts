import { sign, type KeyObject } from 'node:crypto'
import type { AccessTokenClaims } from '@gatepost/contracts/auth/schemas'

export interface SigningKey {
  kid: string
  privateKey: KeyObject
}

/** A JWT as RFC 9068 has it: `typ at+jwt`, Ed25519 (RFC 8037). */
export function signAccessToken (key: SigningKey, claims: AccessTokenClaims) {
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: key.kid }
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign(null, Buffer.from(input), key.privateKey).toString('base64url')}`
}

function encode (value: object) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
