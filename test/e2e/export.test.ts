import { ExportSchema } from '@gatepost/contracts/gateway/operations'
import { startSystem, type System } from '@gatepost/testing/system'
import { Value } from '@sinclair/typebox/value'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register } from './client.ts'
import { UNLIMITED } from './unlimited-system.ts'

const PATH = '/api/auth/me/export'
let system: System
beforeAll(async () => {
  system = await startSystem({ env: UNLIMITED })
}, 60_000)
afterAll(() => system?.stop())

test('an export holds all that the services have of the caller, over many pages, and nothing of others', async () => {
  const [ada, bob] = [await register(system.gatewayUrl, 'Ada "the first" 😀'), await register(system.gatewayUrl, 'Bob')]
  const post = (token: string, title: string) =>
    call(system.gatewayUrl, 'POST', '/api/posts', { token, body: { title, content: 'a\u2028b' } })
  await Promise.all([
    ...Array.from({ length: 205 }, (_, i) => post(ada.accessToken, `post ${i}`)),
    post(bob.accessToken, 'of Bob')
  ])
  await call(system.gatewayUrl, 'POST', '/api/auth/login', { body: { email: ada.email, password: ada.password } })
  await call(system.gatewayUrl, 'POST', '/api/auth/keys', { token: ada.accessToken, body: { name: 'A key' } })
  const { status, headers, body } = await call(system.gatewayUrl, 'GET', PATH, { token: ada.accessToken })
  expect([status, headers.get('cache-control'), headers.get('content-disposition')]).toEqual([
    200,
    'no-store',
    'attachment; filename="gatepost-export.json"'
  ])
  expect([...Value.Errors(ExportSchema, body)]).toEqual([])
  expect(body.user).toMatchObject({ id: ada.userId, email: ada.email })
  expect([body.sessions.length, body.keys.length, body.posts.length]).toEqual([2, 1, 205])
  expect(new Set(body.posts.map(({ title }: { title: string }) => title)).size).toBe(205)
  expect(body.audit.map(({ act }: { act: string }) => act))
    .toEqual(expect.arrayContaining(['registered', 'login', 'api-key-created']))
  expect(JSON.stringify(body)).not.toContain(bob.userId)
})

test('an export needs a login, and while a service is away it is refused before the first byte', async () => {
  expect((await call(system.gatewayUrl, 'GET', PATH)).status).toBe(401)
  const ada = await register(system.gatewayUrl, 'Ada')
  expect((await call(system.gatewayUrl, 'GET', `${PATH}?all=yes`, { token: ada.accessToken })).status).toBe(400)
  const { body: { key } } = await call(system.gatewayUrl, 'POST', '/api/auth/keys', {
    token: ada.accessToken,
    body: { name: 'A key' }
  })
  expect((await call(system.gatewayUrl, 'GET', PATH, { token: key })).body.code).toBe('FORBIDDEN')
  await system.kill('posts')
  expect((await call(system.gatewayUrl, 'GET', PATH, { token: ada.accessToken })).body.code).toMatch(/^UPSTREAM_/)
  await system.startAgain('posts')
})
