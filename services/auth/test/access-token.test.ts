import { createPublicKey, verify } from 'node:crypto'
import { TOKEN_LIFETIME_HEADER } from '@gatepost/service-kit/key-source'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth({ ACCESS_TOKEN_TTL: '600' }) })
afterAll(() => auth.close())

function partsOf (token: string) {
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return {
    header: decode(header),
    payload: decode(payload),
    signed: `${header}.${payload}`,
    signature: Buffer.from(signature, 'base64url')
  }
}

test('an access token is what the contract says, and no more', async () => {
  const { accessToken, user, sessionId, expiresIn } = await auth.register()
  const { header, payload } = partsOf(accessToken)
  expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) })
  expect(payload).toEqual({
    iss: 'http://127.0.0.1:3000',
    aud: 'gatepost',
    sub: user.id,
    sid: sessionId,
    jti: expect.any(String),
    role: 'user',
    email_verified: false,
    iat: expect.any(Number),
    exp: expect.any(Number)
  })
  expect(payload.exp - payload.iat).toBe(600)
  expect(expiresIn).toBe(600)
})

test('the published key of its kid verifies it', async () => {
  const { accessToken } = await auth.register()
  const { header, signed, signature } = partsOf(accessToken)
  const { body } = await auth.call('GET', '/.well-known/jwks.json')
  const jwk = body.keys.find(({ kid }: { kid: string }) => kid === header.kid)
  expect(verify(null, Buffer.from(signed), createPublicKey({ key: jwk, format: 'jwk' }), signature)).toBe(true)
})

test('auth states the life of its tokens beside its keys', async () => {
  const { headers } = await auth.call('GET', '/.well-known/jwks.json')
  expect(headers.get(TOKEN_LIFETIME_HEADER)).toBe('600')
})

test('a token that lives longer than the setting is refused after a restart, though its session lives', async () => {
  const { accessToken } = await auth.register()
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(200)
  const restarted = await startAuth({ ACCESS_TOKEN_TTL: '5' }, auth.database)
  expect((await restarted.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await restarted.call('POST', '/api/auth/validate-token', { body: { token: accessToken } })).body).toEqual({
    active: false
  })
  await restarted.close()
})

test('validate-token answers the claims of a good token', async () => {
  const { accessToken, user, sessionId } = await auth.register()
  const { payload } = partsOf(accessToken)
  const { status, headers, body } = await auth.call('POST', '/api/auth/validate-token', {
    body: { token: accessToken }
  })
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toEqual({
    active: true,
    userId: user.id,
    sessionId,
    role: 'user',
    issuedAt: new Date(payload.iat * 1000).toISOString(),
    expiresAt: new Date(payload.exp * 1000).toISOString()
  })
})

test.each(['', 'junk', 'a.b.c', '\u0000', '{}', '\u{1f600}', 'x'.repeat(60_000), 'eyJhbGciOiJub25lIn0.e30.'])(
  'validate-token calls any other text inactive and says no more: %j',
  async (token) => {
    expect(await auth.call('POST', '/api/auth/validate-token', { body: { token } })).toMatchObject({
      status: 200,
      body: { active: false }
    })
  }
)

test('a token of an ended session is not active, from the answer on', async () => {
  const { accessToken } = await auth.register()
  await auth.call('POST', '/api/auth/logout', { token: accessToken })
  const { body } = await auth.call('POST', '/api/auth/validate-token', { body: { token: accessToken } })
  expect(body).toEqual({ active: false })
})

test('a token with a changed payload or signature is 401', async () => {
  const { accessToken } = await auth.register()
  const [header, payload, signature] = accessToken.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...claims, role: 'admin' })).toString('base64url')
  expect((await auth.call('GET', '/api/auth/me', { token: `${header}.${forged}.${signature}` })).status).toBe(401)
  expect((await auth.call('GET', '/api/auth/me', { token: `${header}.${payload}.${'A'.repeat(86)}` })).status).toBe(401)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(200)
})
