// Access tokens as auth makes them, and as it never would.
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

export const ISSUER = 'http://127.0.0.1:3000'
export const USER = '01900000-0000-7000-8000-000000000001'
const SESSION = '01900000-0000-7000-8000-000000000002'
export const { privateKey, publicKey } = generateKeyPairSync('ed25519')
export const now = () => Math.floor(Date.now() / 1000)
export const header = { alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' }
export const payload = () => ({
  iss: ISSUER,
  aud: 'gatepost',
  sub: USER,
  sid: SESSION,
  jti: USER,
  role: 'user',
  iat: now(),
  exp: now() + 600
})

function encode (value: unknown) {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

export function token (claims: unknown = payload(), head: unknown = header, key: KeyObject = privateKey) {
  const input = `${encode(head)}.${encode(claims)}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

export const another = generateKeyPairSync('ed25519').privateKey
export const forged: Record<string, () => string> = {
  'a signature by another key': () => token(payload(), header, another),
  'HS256 with the public key as the secret': () => {
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(payload())}`
    return `${input}.${
      createHmac('sha256', publicKey.export({ type: 'spki', format: 'pem' })).update(input).digest('base64url')
    }`
  },
  'alg none': () => `${encode({ ...header, alg: 'none' })}.${encode(payload())}.`,
  'another typ': () => token(payload(), { ...header, typ: 'JWT' }),
  'no typ': () => token(payload(), { alg: 'EdDSA', kid: 'k1' }),
  'an unknown crit': () => token(payload(), { ...header, crit: ['x'], x: 1 }),
  'an embedded key': () => token(payload(), { ...header, jwk: publicKey.export({ format: 'jwk' }) }),
  'an unknown kid': () => token(payload(), { ...header, kid: 'k2' }),
  'a kid called constructor': () => token(payload(), { ...header, kid: 'constructor' }),
  'a kid that is an object': () => token(payload(), { ...header, kid: {} }),
  'another issuer': () => token({ ...payload(), iss: 'http://evil' }),
  'another audience': () => token({ ...payload(), aud: 'others' }),
  'no expiry': () => token({ ...payload(), exp: undefined }),
  ...Object
    .fromEntries(['iss', 'aud', 'sub', 'sid', 'jti', 'role', 'iat'].map((
      name
    ) => [`no ${name}`, () => token({ ...payload(), [name]: undefined })])),
  'an expiry that is a text': () => token({ ...payload(), exp: '9999999999' }),
  'an expiry in the past': () => token({ ...payload(), exp: now() - 6 }),
  'a birth in the future': () => token({ ...payload(), iat: now() + 60 }),
  'a future nbf': () => token({ ...payload(), nbf: now() + 60 }),
  'a sub that is an object': () => token({ ...payload(), sub: { id: USER } }),
  'a sub that is no id': () => token({ ...payload(), sub: "' or 1=1" }),
  'a role that does not exist': () => token({ ...payload(), role: 'root' }),
  'a payload that is no object': () => token('null'),
  'a payload that is no JSON': () => token('{"a":'),
  'junk after the signature': () => `${token()}.x`,
  'padding after the signature': () => `${token()}==`,
  'a fourth part': () => `${token()}.${encode('{}')}`,
  'no dots': () => 'x'.repeat(300),
  'a very long token': () => 'x.'.repeat(7_000)
}
