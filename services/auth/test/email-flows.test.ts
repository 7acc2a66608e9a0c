import { stat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHEAP_HASH } from './support/arena.ts'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { readMails } from './support/mailbox.ts'

const NEW_PASSWORD = 'another tram, another town 7'

async function mailTo (auth: AuthServer, address: string, kind: string) {
  const find = async () => (await readMails(auth.mailDir)).filter((mail) => mail.to === address && mail.kind === kind)
  await expect.poll(async () => (await find()).length, { timeout: 10_000 }).toBeGreaterThan(0)
  return (await find()).at(-1)!
}

/** Until every job is done: what has not been mailed by then will not be. */
const idle = (auth: AuthServer) => expect.poll(() => auth.sql('SELECT kind FROM jobs'), { timeout: 10_000 }).toEqual([])

describe('accounts that begin at once', () => {
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

  test('a forgotten password is chosen anew: all sessions end, the old one opens nothing, the owner is told', async () => {
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

  test('of ten uses of one link at once exactly one counts', async () => {
    const { email } = await auth.register()
    await forgot(email)
    const { token } = await mailTo(auth, email, 'reset-password')
    const answers = await Promise
      .all(Array.from({ length: 10 }, (_, index) => reset(token!, `${NEW_PASSWORD} ${index}`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(400)])
    const opened = await Promise.all(answers.map((_, index) => auth.login(email, `${NEW_PASSWORD} ${index}`)))
    expect(opened.map(({ status }) => status === 200)).toEqual(answers.map(({ status }) => status === 204))
  })

  test('a link dies after an hour, when the password is changed, and is good for nothing else', async () => {
    const { email, accessToken } = await auth.register()
    const { token: verifyToken } = await mailTo(auth, email, 'verify-email')
    expect((await reset(verifyToken!)).status).toBe(400)
    await forgot(email)
    const { token } = await mailTo(auth, email, 'reset-password')
    expect((await verify(token!)).status).toBe(400)
    await auth
      .sql("UPDATE email_tokens SET expires_at = expires_at - interval '61 minutes' WHERE purpose = 'reset-password'")
    expect((await reset(token!)).status).toBe(400)
    await auth
      .sql("UPDATE email_tokens SET expires_at = expires_at + interval '61 minutes' WHERE purpose = 'reset-password'")
    await auth.call('POST', '/api/auth/change-password', {
      token: accessToken,
      body: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }
    })
    expect((await reset(token!, 'a third tram entirely')).status).toBe(400)
  })

  test('an address without an account gets the same answer and no mail; one with an account is not flooded', async () => {
    const known = await auth.register()
    const answers = await Promise.all([
      forgot('nobody@example.test'),
      ...Array.from({ length: 8 }, () => forgot(known.email))
    ])
    for (const { status, body } of answers) expect({ status, body }).toEqual({ status: 202, body: null })
    await idle(auth)
    const mails = await readMails(auth.mailDir)
    expect(mails.filter(({ to }) => to.includes('nobody'))).toEqual([])
    expect(mails.filter(({ to, kind }) => to === known.email && kind === 'reset-password')).toHaveLength(5)
  })

  test('the mail that confirms an address comes again, while there is something to confirm, to nobody else and not without end', async () => {
    const [{ email }, confirmed] = [await auth.register(), await auth.register()]
    await verify((await mailTo(auth, confirmed.email, 'verify-email')).token!)
    await idle(auth)
    const trailLength = async () => (await auth.sql('SELECT count(*)::int AS rows FROM audit_log'))[0].rows
    const before = await trailLength()
    const asked = ['nobody-yet@example.test', confirmed.email, ...Array(8).fill(email.toUpperCase())]
    for (const { status, body } of await Promise.all(asked.map(resend))) {
      expect({ status, body }).toEqual({ status: 202, body: null })
    }
    expect(await trailLength()).toBe(before + asked.length)
    await idle(auth)
    const mails = await readMails(auth.mailDir)
    expect(mails.filter(({ to }) => to.includes('nobody-yet'))).toEqual([])
    expect(mails.filter(({ to }) => to === confirmed.email)).toHaveLength(1)
    expect(mails.filter(({ to }) => to === email).map(({ kind }) => kind)).toEqual(Array(5).fill('verify-email'))
    expect((await verify((await mailTo(auth, email, 'verify-email')).token!)).status).toBe(204)
  })

  test('whoever registers a stranger’s address has at most five mails of each kind an hour sent to it, whatever happens to the account', async () => {
    const email = 'bothered@example.test'
    for (let turn = 0; turn < 7; turn++) {
      const { accessToken: token } = await auth.register({ email })
      const { body: { id } } = await auth.call('POST', '/api/auth/keys', { token, body: { name: 'Key' } })
      await auth.call('DELETE', `/api/auth/keys/${id}`, { token })
      await auth.call('POST', '/api/auth/change-email', {
        token,
        body: { email: 'elsewhere@example.test', password: PASSWORD }
      })
      await idle(auth)
      await auth.call('POST', '/api/auth/delete-account', { token, body: { password: PASSWORD } })
      await idle(auth)
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
})

describe('with REQUIRE_EMAIL_VERIFICATION', () => {
  let auth: AuthServer
  beforeAll(async () => { auth = await startAuth({ REQUIRE_EMAIL_VERIFICATION: 'true' }, undefined, CHEAP_HASH) })
  afterAll(() => auth.close())
  const register = (email: string, password = PASSWORD, displayName = 'Somebody') =>
    auth.call('POST', '/api/auth/register', { body: { email, password, displayName } })
  const verify = (token: string, password?: string) =>
    auth.call('POST', '/api/auth/verify-email', { body: { token, password } })

  test('an account and its event begin with the confirmation', async () => {
    expect(await register('new@example.test')).toMatchObject({ status: 202, body: { message: expect.any(String) } })
    expect((await auth.login('new@example.test')).status).toBe(401)
    expect(await auth.events('user-registered')).toEqual([])
    const { token } = await mailTo(auth, 'new@example.test', 'confirm-registration')
    expect(await verify(token!)).toMatchObject({ status: 400, body: { errors: [{ path: '/body/password' }] } })
    expect(await verify(token!, 'not the password')).toMatchObject({
      status: 403,
      body: { code: 'AUTH_WRONG_PASSWORD' }
    })
    expect((await verify(token!, PASSWORD)).status).toBe(204)
    expect(await verify(token!, PASSWORD)).toMatchObject({ status: 400, body: { code: 'AUTH_INVALID_EMAIL_TOKEN' } })
    expect((await auth.login('new@example.test')).body.user).toMatchObject({ emailVerified: true })
    expect(await auth.events('user-registered')).toHaveLength(1)
  })

  test('a taken address gets the same answer; only its mail tells the difference', async () => {
    const free = await register('free@example.test')
    await verify((await mailTo(auth, 'free@example.test', 'confirm-registration')).token!, PASSWORD)
    const taken = await register('FREE@example.test', 'quite another password')
    expect({ status: taken.status, body: taken.body }).toEqual({ status: free.status, body: free.body })
    const mail = await mailTo(auth, 'FREE@example.test', 'address-in-use')
    expect(mail.token).toBeUndefined()
    expect((await auth.login('free@example.test', 'quite another password')).status).toBe(401)
    expect((await auth.login('free@example.test')).status).toBe(200)
  })

  test('who registers a stranger’s address first does not get the account that the stranger confirms', async () => {
    await register('victim@example.test', 'the password of the attacker')
    const attackersMail = await mailTo(auth, 'victim@example.test', 'confirm-registration')
    await register('victim@example.test', PASSWORD)
    // Whichever mail the owner of the address opens, the password decides whose registration becomes the account.
    expect((await verify(attackersMail.token!, 'a third one, of nobody')).status).toBe(403)
    expect((await verify(attackersMail.token!, PASSWORD)).status).toBe(204)
    expect((await auth.login('victim@example.test', 'the password of the attacker')).status).toBe(401)
    expect((await auth.login('victim@example.test')).status).toBe(200)
    expect(await auth.sql("SELECT id FROM pending_registrations WHERE email_key = 'victim@example.test'")).toEqual([])
  })

  test('an address that is registered thirty times gets five mails, and each of its passwords opens the account', async () => {
    await Promise
      .all(Array.from({ length: 30 }, (_, index) => register('flooded@example.test', `${PASSWORD} ${index}`)))
    await idle(auth)
    const mails = (await readMails(auth.mailDir)).filter(({ to }) => to === 'flooded@example.test')
    expect(mails.map(({ kind }) => kind)).toEqual(Array(5).fill('confirm-registration'))
    // Also the next one, which gets no mail of its own.
    await register('flooded@example.test', 'the tram of the owner')
    await idle(auth)
    expect((await verify(mails[0]!.token!, 'the tram of the owner')).status).toBe(204)
    await Promise.all(Array.from({ length: 8 }, () => register('Flooded@example.test')))
    await idle(auth)
    expect((await readMails(auth.mailDir)).filter(({ to, kind }) =>
      to === 'Flooded@example.test' && kind === 'address-in-use'
    )).toHaveLength(5)
  })

  test('the mail of a registration comes again, and its new link makes the account', async () => {
    await register('again@example.test')
    const first = await mailTo(auth, 'again@example.test', 'confirm-registration')
    await auth
      .sql("UPDATE email_tokens SET expires_at = now() WHERE registration_id IN (SELECT id FROM pending_registrations WHERE email = 'again@example.test')")
    expect((await verify(first.token!, PASSWORD)).status).toBe(400)
    for (const email of ['AGAIN@example.test', 'nobody@example.test']) {
      expect(await auth.call('POST', '/api/auth/resend-verification', { body: { email } })).toMatchObject({
        status: 202,
        body: null
      })
    }
    await idle(auth)
    const mails = (await readMails(auth.mailDir)).filter(({ to }) => /again|nobody/.test(to))
    expect(mails.map(({ to, kind }) => [to, kind]))
      .toEqual(Array(2).fill(['again@example.test', 'confirm-registration']))
    expect((await verify(mails[1]!.token!, PASSWORD)).status).toBe(204)
  })

  test('the click of a stranger makes no account with the password of who registered the stranger’s address', async () => {
    await register('clicker@example.test', 'the password of the attacker')
    const { token } = await mailTo(auth, 'clicker@example.test', 'confirm-registration')
    expect((await verify(token!)).status).toBe(400)
    expect((await verify(token!, PASSWORD)).status).toBe(403)
    expect((await auth.login('clicker@example.test', 'the password of the attacker')).status).toBe(401)
    expect(await auth.sql("SELECT id FROM users WHERE email_key = 'clicker@example.test'")).toEqual([])
  })
})
