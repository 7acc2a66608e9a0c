import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { identity } from '../src/identity.ts'
import { loadNativeTokens } from '../src/identity/native-tokens.ts'
import { pluginTokens } from '../src/identity/plugin-tokens.ts'
import { keysOf } from '../src/key-source.ts'
import { emptyRevocationList } from '../src/revocation-list.ts'
import { createServer } from '../src/server.ts'
import { header, ISSUER, payload, privateKey, publicKey, token, USER } from './support/tokens.ts'

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const [ed, ec] = [publicKey, p256.publicKey].map((key) => key.export({ format: 'jwk' }))
const keys = keysOf({
  keys: [
    { kty: 'OKP', crv: 'Ed25519', x: ed!.x!, kid: 'k1', alg: 'EdDSA', use: 'sig' },
    { kty: 'EC', crv: 'P-256', x: ec!.x!, y: ec!.y!, kid: 'k2', alg: 'ES256', use: 'sig' }
  ]
})
const ofP256 = { alg: 'ES256', typ: 'at+jwt', kid: 'k2' }

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
function es256 (
  head: object = ofP256,
  key: KeyObject = p256.privateKey,
  dsaEncoding: 'der' | 'ieee-p1363' = 'ieee-p1363'
) {
  const input = `${encode(head)}.${encode(payload())}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding }).toString('base64url')}`
}

const native = await loadNativeTokens().catch(() => undefined) // token-libraries.test.ts says where there is none
describe.each([pluginTokens, native].filter((library) => library !== undefined))('$name', (library) => {
  async function judge (bearer: string) {
    const app = createServer({ log: pino({ level: 'silent' }) })
    await app.register(identity, {
      keys: { get: (kid) => keys.get(kid), find: (kid) => keys.get(kid) },
      revocations: emptyRevocationList(),
      issuer: ISSUER,
      accessTokenTtl: 600,
      library
    })
    return app.identity.verify(bearer)
  }

  test('during a change-over tokens of both algorithms are good, each by its own key', async () => {
    expect(await judge(token())).toMatchObject({ userId: USER })
    expect(await judge(es256())).toMatchObject({ userId: USER })
  })

  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  test.each([
    ['ES256 by another key', () => es256(ofP256, stranger)],
    ['ES256 that names the key of Ed25519', () => es256({ ...ofP256, kid: 'k1' })],
    ['EdDSA that names the key of P-256', () => token(payload(), { ...header, kid: 'k2' }, privateKey)],
    ['EdDSA in the header over a signature of ES256', () => es256({ ...ofP256, alg: 'EdDSA' })],
    ['ES256 in the header over a signature of Ed25519', () => token(payload(), { ...header, alg: 'ES256' })],
    ['ES384 in the header', () => es256({ ...ofP256, alg: 'ES384' })],
    ['a signature in DER', () => es256(ofP256, p256.privateKey, 'der')],
    ['a signature of zeros', () => `${es256().split('.', 2).join('.')}.${'A'.repeat(86)}`]
  ])('%s is refused', async (_what, make) => {
    expect(await judge(make())).toBeUndefined()
  })
})
