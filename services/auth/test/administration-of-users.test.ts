import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { mailsDone, mailTo, readMails } from './support/mailbox.ts'

let auth: AuthServer
let admin: { id: string, token: string }
beforeAll(async () => {
  auth = await startAuth()
  const { user, email } = await auth.register({ displayName: 'Root' })
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", user.id)
  admin = { id: user.id, token: (await auth.login(email)).body.accessToken }
})
afterAll(() => auth.close())

const USERS = '/api/auth/users'
const search = async (q: string) =>
  (await auth.call('GET', `${USERS}?q=${encodeURIComponent(q)}`, { token: admin.token })).body.items.map((
    { email }: { email: string }
  ) => email)
const create = (body: object) => auth.call('POST', USERS, { token: admin.token, body })
const acts = async (
  userId: string
) => (await auth.sql('SELECT act, actor_id FROM audit_log WHERE user_id = $1 ORDER BY id', userId))

test('a search finds the beginning of an address and of words of a name, newest first, page by page', async () => {
  const [first, second] = [
    await auth.register({ email: 'zora.neale@search.test', displayName: 'Zora Neale Hurston' }),
    await auth.register({ email: 'other@search.test', displayName: 'ZORÁ 你好' })
  ]
  expect(await search('zora.ne')).toEqual([first.email])
  expect(await search('ZORA.NEALE@')).toEqual([first.email])
  expect(await search('hurst zor')).toEqual([first.email])
  expect(await search('你')).toEqual([second.email])
  expect(await search('urston')).toEqual([])
  for (const odd of ['%', '_', '\\', "' OR 1=1", ':*', '!', '&|', '<->']) expect(await search(odd)).toEqual([])
  for (let i = 0; i < 3; i++) await auth.register({ email: `paged${i}@search.test` })
  const page = await auth.call('GET', `${USERS}?q=paged&limit=2`, { token: admin.token })
  expect(page.body.items.map(({ email }: { email: string }) => email)).toEqual([
    'paged2@search.test',
    'paged1@search.test'
  ])
  const next = await auth.call('GET', `${USERS}?q=paged&limit=2&cursor=${page.body.nextCursor}`, { token: admin.token })
  expect(next.body).toMatchObject({ items: [{ email: 'paged0@search.test' }], nextCursor: null })
  expect((await auth.call('GET', `${USERS}?q=other&cursor=${page.body.nextCursor}`, { token: admin.token })).status)
    .toBe(400)
})

test('an account that an administrator makes with a password can log in', async () => {
  const { status, body } = await create({ email: 'made@admin.test', displayName: 'Made', password: PASSWORD })
  expect([status, body]).toEqual([
    201,
    expect.objectContaining({ email: 'made@admin.test', role: 'user', disabled: false })
  ])
  expect((await auth.login('made@admin.test')).status).toBe(200)
  expect(await acts(body.id)).toEqual(expect.arrayContaining([{ act: 'user-created', actor_id: admin.id }]))
  expect((await auth.events('user-registered')).filter(({ subject }) => subject === body.id)).toHaveLength(1)
  expect((await create({ email: 'MADE@admin.test', displayName: 'Twice' })).body.code).toBe('AUTH_EMAIL_TAKEN')
  expect((await create({ email: 'weak@admin.test', displayName: 'Weak', password: 'password1' })).body.code)
    .toBe('AUTH_WEAK_PASSWORD')
})

test('an invited user chooses a password by the link of the mail, and cannot log in before', async () => {
  const { status, body } = await create({ email: 'guest@admin.test', displayName: 'Guest', role: 'admin' })
  expect([status, body.role]).toEqual([201, 'admin'])
  expect((await auth.login('guest@admin.test')).body).toMatchObject({ code: 'AUTH_INVALID_CREDENTIALS' })
  const { token } = await mailTo(auth, 'guest@admin.test', 'invitation')
  expect((await auth.call('POST', '/api/auth/reset-password', { body: { token, newPassword: PASSWORD } })).status)
    .toBe(204)
  const session = (await auth.login('guest@admin.test')).body
  expect(session.user.role).toBe('admin')
  expect((await auth.call('GET', USERS, { token: session.accessToken })).status).toBe(200)
})

test('twenty invitations of one address make one account and no 5xx', async () => {
  const statuses =
    (await Promise.all(Array.from({ length: 20 }, () => create({ email: 'many@admin.test', displayName: 'Many' }))))
      .map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
  expect(new Set(statuses)).toEqual(new Set([201, 409]))
})

test('an administrator’s deletion erases as much as the user’s own', async () => {
  const { user, accessToken, email } = await auth.register()
  expect((await auth.call('DELETE', `${USERS}/${user.id}`, { token: admin.token })).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.events('user-deleted')).some(({ subject }) => subject === user.id)).toBe(true)
  expect(await auth.sql('SELECT email, display_name FROM users WHERE id = $1', user.id)).toEqual([{
    email: null,
    display_name: ''
  }])
  expect(await acts(user.id)).toEqual(expect.arrayContaining([{ act: 'account-deleted', actor_id: admin.id }]))
  expect((await auth.call('DELETE', `${USERS}/${user.id}`, { token: admin.token })).body.code)
    .toBe('AUTH_USER_NOT_FOUND')
  expect((await create({ email, displayName: 'Again' })).status).toBe(201)
})

test('a change of role and a deletion, also by the user, are told by mail', async () => {
  const [changed, deleted, leaving] = [await auth.register(), await auth.register(), await auth.register()]
  expect((await auth.call('PATCH', `${USERS}/${changed.user.id}`, { token: admin.token, body: { role: 'admin' } }))
    .status).toBe(200)
  expect((await auth.call('PATCH', `${USERS}/${changed.user.id}`, { token: admin.token, body: { role: 'admin' } }))
    .status).toBe(200)
  expect((await auth.call('DELETE', `${USERS}/${deleted.user.id}`, { token: admin.token })).status).toBe(204)
  expect((await auth.call('POST', '/api/auth/delete-account', {
    token: leaving.accessToken,
    body: { password: PASSWORD }
  })).status).toBe(204)
  for (
    const [person, kind] of [[changed, 'role-changed'], [deleted, 'account-deleted'], [
      leaving,
      'account-deleted'
    ]] as const
  ) {
    expect((await mailTo(auth, person.email, kind)).token).toBeUndefined()
  }
  await mailsDone(auth)
  expect((await readMails(auth.mailDir)).filter(({ kind }) => kind === 'role-changed')).toHaveLength(1)
})

test('all sessions and keys of a user end at once', async () => {
  const { user, accessToken, email } = await auth.register()
  const other = (await auth.login(email)).body
  await auth.call('POST', '/api/auth/keys', { token: accessToken, body: { name: 'Key' } })
  expect((await auth.call('POST', `${USERS}/${user.id}/end-sessions`, { token: admin.token })).status).toBe(204)
  for (const token of [accessToken, other.accessToken]) {
    expect((await auth.call('GET', '/api/auth/me', { token })).status).toBe(401)
  }
  expect((await auth.events('session-revoked')).filter(({ data }) =>
    data.userId === user.id && data.reason === 'ended'
  )).toHaveLength(3)
  expect((await auth.login(email)).status).toBe(200)
  expect(await acts(user.id)).toEqual(expect.arrayContaining([{ act: 'sessions-ended', actor_id: admin.id }]))
})

test('an administrator ends one session of a user; others go on, and an unknown one is 404', async () => {
  const { user, email, sessionId, accessToken } = await auth.register()
  const other = (await auth.login(email)).body
  const end = (id: string) => auth.call('DELETE', `${USERS}/${user.id}/sessions/${id}`, { token: admin.token })
  expect((await end(sessionId)).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.call('GET', '/api/auth/me', { token: other.accessToken })).status).toBe(200)
  expect([(await end(sessionId)).status, (await end(user.id)).status]).toEqual([404, 404])
  expect((await acts(user.id)).at(-1)).toEqual({ act: 'session-ended', actor_id: admin.id })
})

test('after a forced reset the old password and sessions are dead, and the mail leads to a new one', async () => {
  const { user, accessToken, email } = await auth.register()
  expect((await auth.call('POST', `${USERS}/${user.id}/force-reset`, { token: admin.token })).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.login(email)).body).toMatchObject({ code: 'AUTH_INVALID_CREDENTIALS' })
  const { token } = await mailTo(auth, email, 'reset-required')
  expect((await auth.call('POST', '/api/auth/reset-password', { body: { token, newPassword: 'new tram of line 7' } }))
    .status).toBe(204)
  expect((await auth.login(email, 'new tram of line 7')).status).toBe(200)
})

test('none of this is open to other users, and an unknown user is 404', async () => {
  const { user, accessToken } = await auth.register()
  const unknown = '01890a5d-ac96-774b-bcce-b302099a8057'
  for (
    const [method, path, body] of [
      ['POST', USERS, { email: 'x@admin.test', displayName: 'x' }],
      ['DELETE', `${USERS}/${user.id}`],
      ['POST', `${USERS}/${user.id}/end-sessions`],
      ['DELETE', `${USERS}/${user.id}/sessions/${user.id}`],
      ['POST', `${USERS}/${user.id}/force-reset`],
      ['GET', `${USERS}?q=a`]
    ] as const
  ) {
    expect((await auth.call(method, path, { token: accessToken, body })).body.code).toBe('FORBIDDEN')
    expect((await auth.call(method, path, { body })).status).toBe(401)
    if (path.includes(user.id)) {
      expect((await auth.call(method, path.replace(user.id, unknown), { token: admin.token, body })).body.code)
        .toBe('AUTH_USER_NOT_FOUND')
    }
  }
})

test('nobody can delete the last administrator', async () => {
  await auth.sql("UPDATE users SET role = 'user' WHERE role = 'admin' AND id <> $1", admin.id)
  expect((await auth.call('DELETE', `${USERS}/${admin.id}`, { token: admin.token })).body.code).toBe('AUTH_LAST_ADMIN')
})
