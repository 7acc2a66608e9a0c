import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import { SCOPES } from '@gatepost/contracts/scope'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { KEYS_PATH as PATH, ownKeys } from './support/own-keys.ts'

let auth: AuthServer
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

const { make, list, exchange } = ownKeys(() => auth)

test('a key is shown once, listed without its secret, and stands for its user with its scopes', async () => {
  const { accessToken, user } = await auth.register()
  const created = await make(accessToken, { name: 'Importer', scopes: ['posts:write', 'posts:read'] })
  expect(created).toMatchObject({
    status: 201,
    body: {
      name: 'Importer',
      scopes: ['posts:write', 'posts:read'],
      key: expect.stringMatching(/^gp_/),
      expiresAt: null,
      limit: null
    }
  })
  expect(created.headers.get('cache-control')).toBe('no-store')
  const { key, ...shown } = created.body
  expect(await list(accessToken)).toEqual([{ ...shown, lastUsedAt: null, lastAddress: null }])

  const { status, body } = await exchange(key, '192.0.2.7')
  expect([status, body.expiresIn]).toEqual([200, 600])
  const claims = JSON.parse(Buffer.from(body.accessToken.split('.')[1], 'base64url').toString())
  expect(claims).toMatchObject({ sub: user.id, sid: shown.id, role: 'user', scope: 'posts:write posts:read' })
  expect(await list(accessToken)).toEqual([{ ...shown, lastUsedAt: expect.any(String), lastAddress: '192.0.2.7' }])
})

test('a new key is stored as a keyed hash alone, noted in the audit trail, and told to its owner', async () => {
  const { accessToken } = await auth.register()
  const { body } = await make(accessToken, { name: 'Secretive' })
  const secret = body.key.split('_')[2]
  const dump = JSON.stringify(await auth.sql('SELECT * FROM api_keys')) +
    JSON.stringify(await auth.sql('SELECT * FROM audit_log')) + JSON.stringify(await auth.sql('SELECT * FROM jobs'))
  expect(dump).not.toContain(secret)
  expect(await auth.sql('SELECT octet_length(mac) AS length FROM api_keys WHERE id = $1', body.id)).toEqual([{
    length: 32
  }])
  await auth.call('DELETE', `${PATH}/${body.id}`, { token: accessToken })
  expect(await auth.sql("SELECT act FROM audit_log WHERE detail->>'key' = $1 ORDER BY id", body.id)).toEqual([{
    act: 'api-key-created'
  }, { act: 'api-key-deleted' }])
})

test('a deleted key is refused, and its tokens are revoked', async () => {
  const { accessToken } = await auth.register()
  const { body: { id, key } } = await make(accessToken)
  const token = (await exchange(key)).body.accessToken
  expect((await auth.call('GET', '/api/auth/me', { token })).status).toBe(200)
  expect((await auth.call('DELETE', `${PATH}/${id}`, { token: accessToken })).status).toBe(204)
  expect((await exchange(key)).status).toBe(401)
  expect((await auth.call('GET', '/api/auth/me', { token })).status).toBe(401)
  expect(await list(accessToken)).toEqual([])
  const [event] = (await auth.events('session-revoked')).filter(({ subject }) => subject === id)
  expect(event.data).toMatchObject({ sessionId: id, reason: 'ended' })
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
  expect(Date.parse(event.data.expiresAt)).toBeGreaterThanOrEqual(exp * 1000)
  expect(await auth.call('DELETE', `${PATH}/${id}`, { token: accessToken })).toMatchObject({
    status: 404,
    body: { code: 'AUTH_KEY_NOT_FOUND' }
  })
})

test('a key dies with its account, not with a logout or a new password', async () => {
  const { accessToken, email } = await auth.register()
  const { body: { id, key } } = await make(accessToken)
  const token = (await exchange(key)).body.accessToken
  await auth.call('POST', '/api/auth/logout?scope=all', { token: accessToken })
  const again = (await auth.login(email)).body
  expect((await auth.call('POST', '/api/auth/change-password', {
    token: again.accessToken,
    body: { currentPassword: PASSWORD, newPassword: 'quite another 44 horses' }
  })).status).toBe(204)
  expect((await exchange(key)).status).toBe(200)
  expect((await auth.call('POST', '/api/auth/delete-account', {
    token: again.accessToken,
    body: { password: 'quite another 44 horses' }
  })).status).toBe(204)
  expect((await exchange(key)).status).toBe(401)
  expect((await auth.call('GET', '/api/auth/me', { token })).status).toBe(401)
  expect((await auth.events('session-revoked')).filter(({ subject }) => subject === id)).toEqual([
    expect.objectContaining({ data: expect.objectContaining({ reason: 'account-deleted' }) })
  ])
})

test('a key manages no keys, passwords or sessions, whatever its scopes', async () => {
  const { accessToken, sessionId } = await auth.register()
  const { body: { id, key } } = await make(accessToken)
  const token = (await exchange(key)).body.accessToken
  const calls = [
    ['POST', PATH, { name: 'Another' }],
    ['GET', PATH],
    ['DELETE', `${PATH}/${id}`],
    ['GET', '/api/auth/sessions'],
    ['DELETE', `/api/auth/sessions/${sessionId}`],
    ['POST', '/api/auth/change-password', { currentPassword: PASSWORD, newPassword: 'quite another 44 horses' }],
    ['POST', '/api/auth/delete-account', { password: PASSWORD }],
    ['POST', '/api/auth/logout'],
    ['POST', '/api/auth/logout?scope=all']
  ] as const
  for (const [method, path, body] of calls) {
    expect(await auth.call(method, path, { token, body })).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
  }
  expect((await exchange(key)).status).toBe(200)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(200)
})

test('a missing scope is 403 and named; what the scope allows works', async () => {
  const { accessToken } = await auth.register()
  const { body: { key } } = await make(accessToken, { name: 'Reader', scopes: ['auth:read'] })
  const token = (await exchange(key)).body.accessToken
  expect((await auth.call('GET', '/api/auth/me', { token })).status).toBe(200)
  const refused = await auth.call('PATCH', '/api/auth/me', { token, body: { displayName: 'New name' } })
  expect(refused).toMatchObject({
    status: 403,
    body: { code: 'SCOPE_MISSING', detail: expect.stringContaining('auth:write') }
  })
  expect(refused.headers.get('www-authenticate')).toContain('insufficient_scope')
})

test('keys that are made at once are twenty at most', async () => {
  const { accessToken } = await auth.register()
  const statuses = (await Promise.all(Array.from({ length: 30 }, () => make(accessToken)))).map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(20)
  expect(statuses.filter((status) => status === 409)).toHaveLength(10)
  const items = await list(accessToken)
  expect(items).toHaveLength(20)
  expect((await make(accessToken)).body.code).toBe('AUTH_TOO_MANY_KEYS')
  const deletions = await Promise
    .all(Array.from({ length: 10 }, () => auth.call('DELETE', `${PATH}/${items[0].id}`, { token: accessToken })))
  expect(deletions.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(404)])
  expect((await make(accessToken)).status).toBe(201)
})

test('a session of an older login makes no key', async () => {
  const { accessToken, sessionId } = await auth.register()
  await auth.sql("UPDATE sessions SET created_at = created_at - interval '601 seconds' WHERE id = $1", sessionId)
  expect(await make(accessToken)).toMatchObject({ status: 403, body: { code: 'AUTH_LOGIN_TOO_OLD' } })
})

test('a key ends at its time, its tokens no later, and it is listed no more', async () => {
  const { accessToken } = await auth.register()
  const expiresAt = new Date(Date.now() + 60_000).toISOString()
  const { body: { id, key } } = await make(accessToken, { name: 'Short', expiresAt })
  expect((await exchange(key)).body.expiresIn).toBeLessThanOrEqual(60)
  await auth.sql("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = $1", id)
  expect((await exchange(key)).status).toBe(401)
  expect(await list(accessToken)).toEqual([])
  for (const past of ['2020-01-01T00:00:00Z', '2026-13-45T99:00:00Z', '2099-02-30T00:00:00Z', '2099-01-01T24:00:00Z']) {
    expect(await make(accessToken, { name: 'Past', expiresAt: past })).toMatchObject({
      status: 400,
      body: { errors: [{ path: '/body/expiresAt' }] }
    })
  }
})

test('bad bodies are refused with their path, and all scopes are the default', async () => {
  const { accessToken } = await auth.register()
  for (
    const [body, path] of [
      [{ name: '' }, '/body/name'],
      [{}, '/body/name'],
      [{ name: 'x', scopes: [] }, '/body/scopes'],
      [{ name: 'x', scopes: ['root'] }, '/body/scopes/0'],
      [{ name: 'x', scopes: ['posts:read', 'posts:read'] }, '/body/scopes']
    ] as const
  ) {
    const answer = await make(accessToken, body)
    expect([answer.status, answer.body.errors.map((error: { path: string }) => error.path)]).toEqual([
      400,
      expect.arrayContaining([path])
    ])
  }
  expect((await make(accessToken)).body.scopes).toEqual(SCOPES)
})

test('a text that is no key, and a key with another secret, are the same 401', async () => {
  const { accessToken } = await auth.register()
  const other = await auth.register()
  const [one, two] = [(await make(accessToken)).body, (await make(other.accessToken)).body]
  const forged = one.key.replace(/_[^_]+_[^_]+$/, two.key.match(/_[^_]+_[^_]+$/)![0])
  for (const text of [forged, 'gp_', accessToken, `${one.key}x`]) expect((await exchange(text)).status).toBe(401)
  expect((await auth.call('GET', KEY_EXCHANGE_PATH)).status).toBe(401)
})

test('a change of role ends the user’s keys', async () => {
  const { accessToken, user } = await auth.register()
  const admin = await auth.register()
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  const adminToken = (await auth.login(admin.email)).body.accessToken
  const { body: { key } } = await make(accessToken)
  expect((await auth.call('PATCH', `/api/auth/users/${user.id}`, { token: adminToken, body: { disabled: true } }))
    .status).toBe(200)
  expect((await exchange(key)).status).toBe(401)
  const { body: { key: adminKey } } = await make(adminToken)
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", user.id)
  await auth.call('PATCH', `/api/auth/users/${user.id}`, { token: adminToken, body: { disabled: false } })
  expect((await auth.call('PATCH', `/api/auth/users/${admin.user.id}`, { token: adminToken, body: { role: 'user' } }))
    .status).toBe(200)
  expect((await exchange(adminKey)).status).toBe(401)
})
