import { stat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { mailsDone, mailTo, readMails } from './support/mailbox.ts'

const NEW_PASSWORD = 'another tram, another town 7'
let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const verify = (token: string) => auth.call('POST', '/api/auth/verify-email', { body: { token } })
const forgot = (email: string) => auth.call('POST', '/api/auth/forgot-password', { body: { email } })
const resend = (email: string) => auth.call('POST', '/api/auth/resend-verification', { body: { email } })
const reset = (token: string, newPassword = NEW_PASSWORD) =>
  auth.call('POST', '/api/auth/reset-password', { body: { token, newPassword } })

test('a mail confirms the address, once', async () => {
  const { email, user, accessToken } = await auth.register()
  const { token, subject } = await mailTo(auth, email, 'verify-email')
  expect(subject).toBe('Confirm your e-mail address')
  expect((await verify(token!)).status).toBe(204)
  expect(await verify(token!)).toMatchObject({ status: 400, body: { code: 'AUTH_INVALID_EMAIL_TOKEN' } })
  expect(user.emailVerified).toBe(false)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).body).toEqual({
    ...user,
    emailVerified: true
  })
})

test('a forgotten password is chosen anew: all sessions end, and the old password opens nothing', async () => {
  const { email, user, accessToken, refreshToken } = await auth.register()
  expect(await forgot(email.toUpperCase())).toMatchObject({ status: 202, body: null })
  const { token } = await mailTo(auth, email, 'reset-password')
  expect(await reset(token!, 'password1')).toMatchObject({
    status: 422,
    body: { errors: [{ path: '/body/newPassword' }] }
  })
  expect((await reset(token!)).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).status).toBe(401)
  expect((await auth.login(email)).status).toBe(401)
  expect((await auth.login(email, NEW_PASSWORD)).status).toBe(200)
  expect((await auth.events('session-revoked')).filter(({ data }) => data.userId === user.id).map(({ data }) =>
    data.reason
  )).toEqual(['password-reset'])
  await mailTo(auth, email, 'password-changed')
})

test('one of ten uses of a link at once counts', async () => {
  const { email } = await auth.register()
  await forgot(email)
  const { token } = await mailTo(auth, email, 'reset-password')
  const answers = await Promise
    .all(Array.from({ length: 10 }, (_, index) => reset(token!, `${NEW_PASSWORD} ${index}`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(400)])
  const opened = await Promise.all(answers.map((_, index) => auth.login(email, `${NEW_PASSWORD} ${index}`)))
  expect(opened.map(({ status }) => status === 200)).toEqual(answers.map(({ status }) => status === 204))
})

test('a link dies after an hour and with a change of the password, and is good for nothing else', async () => {
  const age = (minutes: number) =>
    auth.sql(
      "UPDATE email_tokens SET expires_at = expires_at - $1 * interval '1 minute' WHERE purpose = 'reset-password'",
      minutes
    )
  const { email, accessToken } = await auth.register()
  const { token: verifyToken } = await mailTo(auth, email, 'verify-email')
  expect((await reset(verifyToken!)).status).toBe(400)
  await forgot(email)
  const { token } = await mailTo(auth, email, 'reset-password')
  expect((await verify(token!)).status).toBe(400)
  await age(61)
  expect((await reset(token!)).status).toBe(400)
  await age(-61)
  await auth.call('POST', '/api/auth/change-password', {
    token: accessToken,
    body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
  })
  expect((await reset(token!, 'a third tram entirely')).status).toBe(400)
})

test('an unknown address gets the same answer and no mail; a known one is not flooded', async () => {
  const known = await auth.register()
  const answers = await Promise.all([
    forgot('nobody@example.test'),
    ...Array.from({ length: 8 }, () => forgot(known.email))
  ])
  for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 202, body: null })
  await mailsDone(auth)
  const mails = await readMails(auth.mailDir)
  expect(mails.filter(({ to }) => to.includes('nobody'))).toEqual([])
  expect(mails.filter(({ to, kind }) => to === known.email && kind === 'reset-password')).toHaveLength(5)
})

test('the mail that confirms an address comes again while that is unconfirmed, five times at most', async () => {
  const [{ email }, confirmed] = [await auth.register(), await auth.register()]
  await verify((await mailTo(auth, confirmed.email, 'verify-email')).token!)
  await mailsDone(auth)
  const trailLength = async () => (await auth.sql('SELECT count(*)::int AS rows FROM audit_log'))[0].rows
  const before = await trailLength()
  const asked = ['nobody-yet@example.test', confirmed.email, ...Array(8).fill(email.toUpperCase())]
  for (const { status, body } of await Promise.all(asked.map(resend))) {
    expect({ status, body }).toEqual({ status: 202, body: null })
  }
  expect(await trailLength()).toBe(before + asked.length)
  await mailsDone(auth)
  const mails = await readMails(auth.mailDir)
  expect(mails.filter(({ to }) => to.includes('nobody-yet'))).toEqual([])
  expect(mails.filter(({ to }) => to === confirmed.email)).toHaveLength(1)
  expect(mails.filter(({ to }) => to === email).map(({ kind }) => kind)).toEqual(Array(5).fill('verify-email'))
  expect((await verify((await mailTo(auth, email, 'verify-email')).token!)).status).toBe(204)
})

test('registering a stranger’s address sends it at most five mails of each kind an hour', async () => {
  const email = 'bothered@example.test'
  for (let turn = 0; turn < 7; turn++) {
    const { accessToken: token } = await auth.register({ email })
    const { body: { id } } = await auth.call('POST', '/api/auth/keys', { token, body: { name: 'Key' } })
    await auth.call('DELETE', `/api/auth/keys/${id}`, { token })
    await auth.call('POST', '/api/auth/change-email', {
      token,
      body: { email: 'elsewhere@example.test', password: PASSWORD }
    })
    await mailsDone(auth)
    await auth.call('POST', '/api/auth/delete-account', { token, body: { password: PASSWORD } })
    await mailsDone(auth)
  }
  const kinds = (await readMails(auth.mailDir)).filter(({ to }) => to === email).map(({ kind }) => kind)
  const each = ['account-deleted', 'api-key-created', 'api-key-deleted', 'email-change-requested', 'verify-email']
  expect(kinds.sort()).toEqual(each.flatMap((kind) => Array(5).fill(kind)))
})

test('no token is in the database, and the files are the owner’s alone', async () => {
  const { email } = await auth.register()
  await forgot(email)
  const { token } = await mailTo(auth, email, 'reset-password')
  for (const table of ['email_tokens', 'jobs', 'audit_log', 'outbox']) {
    expect(JSON.stringify(await auth.sql(`SELECT * FROM ${table}`))).not.toContain(token)
  }
  const [file] = await readdir(auth.mailDir)
  expect((await stat(join(auth.mailDir, file!))).mode & 0o077).toBe(0)
})
