import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

export const ISSUER = 'http://127.0.0.1:3000'
const SUB = '01900000-0000-7000-8000-000000000001'

export interface Signer {
  alg: 'EdDSA' | 'RS256' | 'ES256'
  privateKey: KeyObject
  publicPem: string
}

export function createSigner (alg: Signer['alg']): Signer {
  const pair = alg === 'EdDSA'
    ? generateKeyPairSync('ed25519')
    : alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    alg,
    privateKey: pair.privateKey,
    publicPem: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string
  }
}

/** Seconds: a token outlives every round. Gateways are told, since they refuse what lives longer than their setting. */
export const TOKEN_TTL = 3_600

/** An access token as auth issues them, by whichever algorithm a peer can verify. */
export function accessToken ({ alg, privateKey }: Signer, n = 0, sid = SUB): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    aud: 'gatepost',
    sub: SUB,
    sid,
    jti: SUB.slice(0, -12) + n.toString(16).padStart(12, '0'),
    role: 'user',
    iat: now,
    exp: now + TOKEN_TTL
  }
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg, typ: 'at+jwt', kid: 'bench' })}.${encode(claims)}`
  const signature = alg === 'EdDSA'
    ? sign(null, Buffer.from(input), privateKey)
    : sign('sha256', Buffer.from(input), alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' } : privateKey)
  return `${input}.${signature.toString('base64url')}`
}

export function jwkOf ({ alg, privateKey }: Signer) {
  const { d, p, q, dp, dq, qi, ...jwk } = privateKey.export({ format: 'jwk' })
  return { ...jwk, kid: 'bench', alg, use: 'sig' }
}
