import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
let asker: string
beforeAll(async () => {
  auth = await startAuth()
  asker = (await auth.register()).accessToken
})
afterAll(() => auth.close())

async function introspect (form: Record<string, string>, token: string | undefined = asker) {
  const answer = await fetch(`${auth.url}/api/auth/introspect`, {
    method: 'POST',
    headers: token ? { authorization: `Bearer ${token}` } : {},
    body: new URLSearchParams(form)
  })
  return { status: answer.status, headers: answer.headers, body: await answer.json() as any }
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

test('a good token says its claims, and one of a key its scopes', async () => {
  const { accessToken } = await auth.register()
  const { email_verified: _verified, ...claims } = claimsOf(accessToken)
  const { status, headers, body } = await introspect({ token: accessToken, token_type_hint: 'access_token' })
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
  expect(body).toEqual({ active: true, token_type: 'Bearer', ...claims })

  const { body: { key } } = await auth.call('POST', '/api/auth/keys', {
    token: accessToken,
    body: { name: 'A key', scopes: ['posts:read', 'auth:read'] }
  })
  const { body: exchange } = await auth.call('GET', KEY_EXCHANGE_PATH, { token: key })
  expect((await introspect({ token: exchange.accessToken })).body.scope).toBe('posts:read auth:read')
})

test('whatever is not good now is not active, and nothing more is said', async () => {
  const { accessToken, refreshToken } = await auth.register()
  await auth.call('POST', '/api/auth/logout', { token: accessToken })
  for (const token of [accessToken, refreshToken, 'nothing of ours', '']) {
    expect((await introspect({ token })).body).toEqual({ active: false })
  }
})

test('the asker shows a token of its own, and sends a form with a token', async () => {
  expect((await introspect({ token: asker }, '')).status).toBe(401)
  expect((await introspect({ token_type_hint: 'access_token' })).status).toBe(400)
  const json = await auth.call('POST', '/api/auth/introspect', { token: asker, body: { token: asker } })
  expect(json.status).toBe(415)
})
