import { sessionConfig } from '@gatepost/service-kit/database-session'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
let admin: Awaited<ReturnType<AuthServer['register']>>
beforeAll(async () => {
  auth = await startAuth()
  const { email } = await auth.register({ displayName: 'Admin' })
  await auth.sql("UPDATE users SET role = 'admin' WHERE email_key = $1", email)
  admin = { ...(await auth.login(email)).body, email }
})
afterAll(() => auth.close())

const manage = (id: string, body: object, token = admin.accessToken) =>
  auth.call('PATCH', `/api/auth/users/${id}`, { token, body })

test('only an administrator lists and manages users', async () => {
  const { accessToken, user } = await auth.register()
  expect(await auth.call('GET', '/api/auth/users', { token: accessToken })).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN' }
  })
  expect(await manage(user.id, { role: 'admin' }, accessToken)).toMatchObject({ status: 403 })
  expect((await auth.call('GET', '/api/auth/users')).status).toBe(401)
})

test('the list has every user once, newest first, page by page', async () => {
  for (let person = 0; person < 5; person++) await auth.register()
  const ids: string[] = []
  let cursor = ''
  do {
    const { status, body } = await auth.call('GET', `/api/auth/users?limit=2${cursor && `&cursor=${cursor}`}`, {
      token: admin.accessToken
    })
    expect(status).toBe(200)
    ids.push(...body.items.map(({ id }: { id: string }) => id))
    cursor = body.nextCursor
  } while (cursor)
  expect(ids)
    .toEqual((await auth.sql('SELECT id FROM users WHERE deleted_at IS NULL ORDER BY id DESC')).map(({ id }) => id))
  expect(await auth.call('GET', '/api/auth/users?cursor=abcdef', { token: admin.accessToken })).toMatchObject({
    status: 400,
    body: { errors: [{ path: '/query/cursor' }] }
  })
})

test('a disabled account has no session and answers as a wrong password does; enabled again, it lets in', async () => {
  const { email, user, accessToken, refreshToken } = await auth.register()
  expect(await manage(user.id, { disabled: true })).toMatchObject({
    status: 200,
    body: { id: user.id, disabled: true }
  })
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).status).toBe(401)
  const disabled = await auth.login(email)
  const wrong = await auth.login('nobody@example.test')
  expect({ ...disabled.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' })
  expect((await auth.events('session-revoked')).filter(({ data }) => data.userId === user.id).map(({ data }) =>
    data.reason
  )).toEqual(['disabled'])
  await manage(user.id, { disabled: false })
  expect((await auth.login(email)).status).toBe(200)
})

test('a login beside the disabling leaves no live session', async () => {
  const { email, user } = await auth.register()
  await Promise.all([...Array.from({ length: 6 }, () => auth.login(email)), manage(user.id, { disabled: true })])
  expect(await auth.sql('SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL', user.id)).toEqual([])
})

test('a new role takes effect with new tokens, and the old ones die', async () => {
  const { email, user, accessToken } = await auth.register()
  expect(await manage(user.id, { role: 'admin' })).toMatchObject({ status: 200, body: { role: 'admin' } })
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.events('session-revoked')).filter(({ data }) => data.userId === user.id).map(({ data }) =>
    data.reason
  )).toEqual(['role-changed'])
  const promoted = (await auth.login(email)).body
  expect((await auth.call('GET', '/api/auth/users', { token: promoted.accessToken })).status).toBe(200)
  await manage(user.id, { role: 'user' })
  expect((await auth.call('GET', '/api/auth/users', { token: promoted.accessToken })).status).toBe(401)
})

test('a token with another role than the row’s is refused', async () => {
  const { user, accessToken } = await auth.register()
  for (const [role, status] of [['admin', 401], ['user', 200]] as const) {
    await auth.sql('UPDATE users SET role = $1 WHERE id = $2', role, user.id)
    expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(status)
  }
})

test('the last administrator can neither resign, nor be disabled, nor leave', async () => {
  expect(await manage(admin.user.id, { role: 'user' })).toMatchObject({
    status: 409,
    body: { code: 'AUTH_LAST_ADMIN' }
  })
  expect(await manage(admin.user.id, { disabled: true })).toMatchObject({ status: 409 })
  expect(await auth.call('POST', '/api/auth/delete-account', {
    token: admin.accessToken,
    body: { password: PASSWORD }
  })).toMatchObject({ status: 409 })
  expect((await auth.call('GET', '/api/auth/me', { token: admin.accessToken })).status).toBe(200)
})

test('two administrators cannot remove each other at the same time', async () => {
  const second = await auth.register()
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", second.user.id)
  const secondToken = (await auth.login(second.email)).body.accessToken
  await Promise.all([manage(second.user.id, { role: 'user' }), manage(admin.user.id, { role: 'user' }, secondToken)])
  const left = await auth.sql("SELECT id FROM users WHERE role = 'admin'")
  expect(left).toHaveLength(1)
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  admin = { ...(await auth.login(admin.email)).body, email: admin.email }
})

test('users read their own audit trail, administrators every trail', async () => {
  const { email, user, accessToken } = await auth.register({ from: '192.0.2.50' })
  await auth.call('POST', '/api/auth/login', {
    body: { email, password: 'wrong wrong' },
    from: '192.0.2.51',
    headers: { 'x-request-id': 'audit-request-1' }
  })
  const { sessionId } = (await auth.login(email, PASSWORD, '192.0.2.52')).body
  const mine = await auth.call('GET', '/api/auth/audit', { token: accessToken })
  expect(mine.status).toBe(200)
  expect(mine.body.items).toEqual([
    expect.objectContaining({ act: 'login', userId: user.id, sessionId, ipAddress: '192.0.2.52' }),
    expect.objectContaining({
      act: 'login-failed',
      userId: user.id,
      ipAddress: '192.0.2.51',
      requestId: 'audit-request-1'
    }),
    expect.objectContaining({ act: 'registered', userId: user.id, ipAddress: '192.0.2.50' })
  ])
  expect((await auth.call('GET', `/api/auth/audit?userId=${admin.user.id}`, { token: accessToken })).status).toBe(403)
  const all = await auth.call('GET', '/api/auth/audit?limit=100', { token: admin.accessToken })
  expect(new Set(all.body.items.map(({ userId }: { userId: string }) => userId)).size).toBeGreaterThan(2)
  const one = await auth.call('GET', `/api/auth/audit?userId=${user.id}&limit=1`, { token: admin.accessToken })
  expect(one.body.items).toHaveLength(1)
  const next = await auth.call('GET', `/api/auth/audit?userId=${user.id}&limit=1&cursor=${one.body.nextCursor}`, {
    token: admin.accessToken
  })
  expect(next.body.items[0]).toMatchObject({ act: 'login-failed' })
  expect((await auth.call('GET', `/api/auth/audit?limit=1&cursor=${one.body.nextCursor}`, { token: admin.accessToken }))
    .status).toBe(400)
})

test('the trail of a user has an administrator’s acts without the administrator’s address', async () => {
  const { user, email } = await auth.register()
  await auth.call('PATCH', `/api/auth/users/${user.id}`, {
    token: admin.accessToken,
    body: { disabled: true },
    from: '192.0.2.99'
  })
  await manage(user.id, { disabled: false })
  const { accessToken } = (await auth.login(email)).body
  const { items } = (await auth.call('GET', '/api/auth/audit', { token: accessToken })).body
  expect(items.find(({ act }: { act: string }) => act === 'disabled')).toMatchObject({
    ipAddress: null,
    requestId: null,
    detail: { by: admin.user.id }
  })
  expect(JSON.stringify(items)).not.toContain('192.0.2.99')
  const seen = (await auth.call('GET', `/api/auth/audit?userId=${user.id}`, { token: admin.accessToken })).body.items
  expect(seen.find(({ act }: { act: string }) => act === 'disabled')).toMatchObject({ ipAddress: '192.0.2.99' })
})

test('the service’s role can add to the audit trail and cannot change or delete it', async () => {
  const client = new pg.Client(sessionConfig({ url: auth.database.url, name: 'test' }))
  await client.connect()
  for (const statement of ["UPDATE audit_log SET act = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
    await expect(client.query(statement)).rejects.toThrow(/permission denied/)
  }
  await client.end()
})
