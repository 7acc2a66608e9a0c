import { SCOPES } from '@gatepost/contracts/scope'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, ISSUER, JWKS, startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ NATS_URL: 'nats://127.0.0.1:1' }, { waits: false })
})
afterAll(async () => {
  await gateway.stop()
})

test('a verifier that knows the issuer alone finds the keys of its tokens', async () => {
  const metadata = await (await gateway.fetch('/.well-known/openid-configuration')).json()
  const claims = JSON.parse(Buffer.from(accessToken().split('.')[1]!, 'base64url').toString())
  expect(metadata.issuer).toBe(claims.iss)
  const { pathname, origin } = new URL(metadata.jwks_uri)
  expect(origin).toBe(ISSUER)
  expect(await (await gateway.fetch(pathname)).json()).toEqual(JSON.parse(JWKS))
  for (const claim of Object.keys(claims)) expect(metadata.claims_supported).toContain(claim)
})

test('the metadata names no endpoint that is not there, and no grant or response type', async () => {
  const metadata = await (await gateway.fetch('/.well-known/openid-configuration')).json()
  expect([metadata.response_types_supported, metadata.grant_types_supported]).toEqual([[], []])
  for (const [name, value] of Object.entries<string>(metadata)) {
    if (!/_(uri|endpoint|documentation)$/.test(name)) continue
    const answer = await gateway.fetch(new URL(value).pathname, { method: 'OPTIONS' })
    expect([name, answer.headers.get('allow')]).toEqual([name, expect.stringMatching(/GET|POST/)])
  }
})

test('the resource names its issuer, its scopes and how tokens are sent', async () => {
  const answer = await gateway.fetch('/.well-known/oauth-protected-resource')
  expect(answer.headers.get('cache-control')).toMatch(/^public/)
  expect(await answer.json()).toMatchObject({
    resource: ISSUER,
    authorization_servers: [ISSUER],
    scopes_supported: [...SCOPES],
    bearer_methods_supported: ['header']
  })
})
