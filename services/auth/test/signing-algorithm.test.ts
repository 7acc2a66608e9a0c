import { createDatabase } from '@gatepost/testing/database'
import { expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

const headOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())
const jwks = async (auth: AuthServer) => (await auth.call('GET', '/.well-known/jwks.json')).body.keys
async function good (auth: AuthServer, token: string) {
  return (await auth.call('GET', '/api/auth/me', { token })).status === 200
}
const within = { timeout: 20_000, interval: 200 }

test('ES256 takes over from Ed25519: published before it signs, and no token is refused', async () => {
  const database = await createDatabase('auth', { hostile: true })
  const before = await startAuth({}, database)
  const old = await before.register()
  expect(headOf(old.accessToken).alg).toBe('EdDSA')
  await before.close()

  const auth = await startAuth({ SIGNING_ALG: 'es256' }, database)
  try {
    // The next key, for Ed25519, gives way before it has signed.
    await expect.poll(async () => (await jwks(auth)).map(({ alg }: { alg: string }) => alg).sort(), within)
      .toEqual(['ES256', 'EdDSA'])
    const ofP256 = (await jwks(auth)).find(({ alg }: { alg: string }) => alg === 'ES256')
    expect(ofP256).toEqual({
      kty: 'EC',
      crv: 'P-256',
      alg: 'ES256',
      use: 'sig',
      kid: ofP256.kid,
      x: expect.stringMatching(/^[\w-]{43}$/),
      y: expect.stringMatching(/^[\w-]{43}$/)
    })
    const between = (await auth.login(old.email)).body.accessToken
    expect(headOf(between).alg).toBe('EdDSA')
    await auth.sql("UPDATE signing_keys SET created_at = created_at - interval '61 seconds' WHERE state = 'next'")
    await expect.poll(async () => headOf((await auth.login(old.email)).body.accessToken), within)
      .toEqual({ alg: 'ES256', typ: 'at+jwt', kid: ofP256.kid })
    const after = (await auth.login(old.email)).body.accessToken
    for (const token of [old.accessToken, between, after]) expect(await good(auth, token)).toBe(true)
    await expect.poll(async () => (await jwks(auth)).map(({ alg }: { alg: string }) => alg).sort(), within)
      .toEqual(['ES256', 'ES256', 'EdDSA'])
  } finally {
    await auth.close()
    await database.drop()
  }
})

test('an installation that begins with ES256 has no other key', async () => {
  const auth = await startAuth({ SIGNING_ALG: 'ES256' })
  try {
    const { accessToken } = await auth.register()
    expect([headOf(accessToken).alg, await good(auth, accessToken)]).toEqual(['ES256', true])
    expect((await jwks(auth)).map(({ alg }: { alg: string }) => alg)).toEqual(['ES256', 'ES256'])
  } finally {
    await auth.close()
  }
})
