import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { mailsDone, mailsTo, mailTo } from './support/mailbox.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const NEW_PASSWORD = 'another tram, another town 7'
let addresses = 0
const newAddress = () => `Moved${++addresses}@example.test`

const change = (token: string, email: string, password = PASSWORD) =>
  auth.call('POST', '/api/auth/change-email', { token, body: { email, password } })
const confirm = (token: string) => auth.call('POST', '/api/auth/confirm-email-change', { body: { token } })
const me = async (token: string) => (await auth.call('GET', '/api/auth/me', { token })).body
const kindsTo = async (address: string) => (await mailsTo(auth, address)).map(({ kind }) => kind)
const linkTo = async (address: string, kind = 'confirm-email-change') => (await mailTo(auth, address, kind)).token!

/** An account that has asked for another address, with the link of the mail to it. */
async function asked (email = newAddress()) {
  const person = await auth.register()
  expect(await change(person.accessToken, email)).toMatchObject({ status: 202, body: null })
  return { ...person, next: email, token: await linkTo(email) }
}

test('the address changes when the link is opened; the sessions stay, and the old address is told', async () => {
  const { email, user, accessToken, refreshToken, next, token } = await asked()
  expect(await me(accessToken)).toEqual(user)
  expect((await mailsTo(auth, next)).map(({ kind }) => kind)).toEqual(['confirm-email-change'])
  expect(await kindsTo(email)).toEqual(expect.arrayContaining(['verify-email', 'email-change-requested']))
  expect(await confirm(token)).toMatchObject({ status: 204, body: null })
  expect(await me(accessToken)).toEqual({ ...user, email: next, emailVerified: true })
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).status).toBe(200)
  expect((await auth.login(email)).status).toBe(401)
  expect((await auth.login(next.toUpperCase())).status).toBe(200)
  expect(await kindsTo(email)).toContain('email-changed')
  expect(await kindsTo(next)).toEqual(['confirm-email-change'])
  expect(await confirm(token)).toMatchObject({ status: 400, body: { code: 'AUTH_INVALID_EMAIL_TOKEN' } })
  const acts = await auth.sql(
    "SELECT act, detail FROM audit_log WHERE user_id = $1 AND act LIKE 'email-c%' ORDER BY id",
    user.id
  )
  expect(acts).toEqual([{ act: 'email-change-requested', detail: {} }, { act: 'email-changed', detail: {} }])
  expect((await auth.register({ email })).user.id).not.toBe(user.id)
})

test('a taken address gets the same answer and work; its owner is told, and nobody gets a link', async () => {
  const [{ accessToken, user }, owner] = [await auth.register(), await auth.register()]
  const rows = async () => (await auth.sql(`SELECT (SELECT count(*) FROM audit_log)::int AS audit,
    (SELECT count(*) FROM email_changes)::int AS changes`))[0]
  const before = await rows()
  expect(await change(accessToken, owner.email.toUpperCase())).toMatchObject({ status: 202, body: null })
  expect(await rows()).toEqual({ audit: before.audit + 1, changes: before.changes + 1 })
  expect(await kindsTo(owner.email)).toEqual(['verify-email', 'address-in-use'])
  expect(await auth.sql("SELECT id FROM email_tokens WHERE purpose = 'change-email' AND user_id = $1", user.id))
    .toEqual([])
})

test('an address is changed by a login alone, not by an API key', async () => {
  const { accessToken: token } = await auth.register()
  const { body: { key } } = await auth.call('POST', '/api/auth/keys', { token, body: { name: 'Key' } })
  expect((await auth.call('POST', '/api/auth/change-email', { body: {} })).body.code).toBe('TOKEN_REQUIRED')
  expect((await change(key, newAddress())).status).toBe(401)
})

test('a wrong password is 403 and counts as a guess', async () => {
  const { accessToken, email } = await auth.register()
  const call = (password: string) =>
    auth.call('POST', '/api/auth/change-email', {
      token: accessToken,
      body: { email: newAddress(), password },
      from: '198.51.100.9'
    })
  for (let attempt = 0; attempt < 10; attempt++) {
    expect((await call('not the password')).body.code).toBe('AUTH_WRONG_PASSWORD')
  }
  expect((await call(PASSWORD)).body.code).toBe('AUTH_TOO_MANY_ATTEMPTS')
  expect((await auth.login(email, PASSWORD, '198.51.100.9')).status).toBe(429)
  expect(await auth
    .sql("SELECT DISTINCT act FROM audit_log WHERE act LIKE 'email-change%' AND ip_address = '198.51.100.9'")).toEqual([
    { act: 'email-change-failed' }
  ])
})

const ways: Record<string, (person: Awaited<ReturnType<typeof asked>>) => Promise<unknown>> = {
  'a changed password': ({ accessToken }) =>
    auth.call('POST', '/api/auth/change-password', {
      token: accessToken,
      body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    }),
  'a reset password': async ({ email }) => {
    await auth.call('POST', '/api/auth/forgot-password', { body: { email } })
    const token = await linkTo(email, 'reset-password')
    return auth.call('POST', '/api/auth/reset-password', { body: { token, newPassword: NEW_PASSWORD } })
  },
  'another request': ({ accessToken }) => change(accessToken, newAddress()),
  'a deletion': ({ accessToken }) =>
    auth.call('POST', '/api/auth/delete-account', { token: accessToken, body: { password: PASSWORD } }),
  'a day': ({ user }) =>
    auth.sql("UPDATE email_tokens SET expires_at = expires_at - interval '24 hours' WHERE user_id = $1", user.id),
  'a disabling': ({ user }) => auth.sql('UPDATE users SET disabled_at = now() WHERE id = $1', user.id)
}
test.each(Object.keys(ways))('%s ends the link', async (name) => {
  const person = await asked()
  await ways[name]!(person)
  expect(await confirm(person.token)).toMatchObject({ status: 400, body: { code: 'AUTH_INVALID_EMAIL_TOKEN' } })
  expect(await auth.sql('SELECT id FROM users WHERE email = $1', person.next)).toEqual([])
  if (name === 'a deletion') {
    expect(await auth.sql('SELECT id FROM email_changes WHERE user_id = $1', person.user.id)).toEqual([])
  }
})

test('a forced reset ends the link too, and a link is good for its own purpose alone', async () => {
  const [admin, person] = [await auth.register(), await asked()]
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  for (const [path, body] of [['verify-email', {}], ['reset-password', { newPassword: NEW_PASSWORD }]] as const) {
    expect((await auth.call('POST', `/api/auth/${path}`, { body: { token: person.token, ...body } })).body.code)
      .toBe('AUTH_INVALID_EMAIL_TOKEN')
  }
  expect((await confirm(await linkTo(person.email, 'verify-email'))).status).toBe(400)
  const { accessToken } = (await auth.login(admin.email)).body
  expect((await auth.call('POST', `/api/auth/users/${person.user.id}/force-reset`, { token: accessToken })).status)
    .toBe(204)
  expect((await confirm(person.token)).status).toBe(400)
})

test('links to a new password and to the old address die with the change', async () => {
  const person = await asked()
  await auth.call('POST', '/api/auth/forgot-password', { body: { email: person.email } })
  const links = [await linkTo(person.email, 'verify-email'), await linkTo(person.email, 'reset-password')]
  expect((await confirm(person.token)).status).toBe(204)
  expect((await auth.call('POST', '/api/auth/reset-password', {
    body: { token: links.at(-1), newPassword: NEW_PASSWORD }
  })).status).toBe(400)
  expect((await auth.call('POST', '/api/auth/verify-email', { body: { token: links[0] } })).status).toBe(400)
})

test('one of twenty confirmations at once counts', async () => {
  const { token, accessToken, next, user } = await asked()
  const statuses = (await Promise.all(Array.from({ length: 20 }, () => confirm(token)))).map(({ status }) => status)
  expect(statuses.sort()).toEqual([204, ...Array(19).fill(400)])
  expect((await me(accessToken)).email).toBe(next)
  expect(await auth.sql("SELECT act FROM audit_log WHERE user_id = $1 AND act = 'email-changed'", user.id))
    .toHaveLength(1)
})

test('one of several accounts and registrations that want an address at once gets it', async () => {
  const address = newAddress()
  const people = [await asked(address), await asked(address), await asked(address)]
  const tokens = (await mailsTo(auth, address)).map(({ token }) => token!)
  const answers = await Promise.all([
    ...tokens.flatMap((token) => Array.from({ length: 5 }, () => confirm(token))),
    ...Array.from(
      { length: 5 },
      () =>
        auth.call('POST', '/api/auth/register', {
          body: { email: address.toLowerCase(), password: PASSWORD, displayName: 'x' }
        })
    )
  ])
  expect(answers.filter(({ status }) => status === 204 || status === 201)).toHaveLength(1)
  for (const { status, body } of answers.filter(({ status }) => status >= 400)) {
    expect([status, body.code]).toEqual(status === 409 ? [409, 'AUTH_EMAIL_TAKEN'] : [400, 'AUTH_INVALID_EMAIL_TOKEN'])
  }
  expect(await auth.sql('SELECT id FROM users WHERE email_key = $1', address.toLowerCase())).toHaveLength(1)
  expect((await Promise.all(people.map(({ accessToken }) => me(accessToken)))).filter(({ email }) => email === address)
    .length).toBeLessThanOrEqual(1)
})

test('another spelling of one’s own address is a change like any other', async () => {
  const { email, accessToken } = await auth.register()
  const spelled = email.replace('person', 'Person')
  expect((await change(accessToken, spelled)).status).toBe(202)
  expect((await confirm(await linkTo(spelled))).status).toBe(204)
  expect(await me(accessToken)).toMatchObject({ email: spelled, emailVerified: true })
})

test('an address gets at most five links an hour, from all users together', async () => {
  const [address, { accessToken }] = [newAddress(), await auth.register()]
  for (let turn = 0; turn < 7; turn++) {
    expect((await change(accessToken, address)).status).toBe(202)
    await mailsDone(auth)
  }
  expect(await kindsTo(address)).toEqual(Array(5).fill('confirm-email-change'))
})
