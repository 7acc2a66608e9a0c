import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { mailsDone, mailTo, readMails } from './support/mailbox.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth({ REQUIRE_EMAIL_VERIFICATION: 'true' }) })
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

test('an attacker who registers a stranger’s address first does not get the stranger’s account', async () => {
  await register('victim@example.test', 'the password of the attacker')
  const attackersMail = await mailTo(auth, 'victim@example.test', 'confirm-registration')
  await register('victim@example.test', PASSWORD)
  // The password, not the opened mail, decides which registration becomes the account.
  expect((await verify(attackersMail.token!, 'a third one, of nobody')).status).toBe(403)
  expect((await verify(attackersMail.token!, PASSWORD)).status).toBe(204)
  expect((await auth.login('victim@example.test', 'the password of the attacker')).status).toBe(401)
  expect((await auth.login('victim@example.test')).status).toBe(200)
  expect(await auth.sql("SELECT id FROM pending_registrations WHERE email_key = 'victim@example.test'")).toEqual([])
})

test('an address that is registered thirty times gets five mails; the newest password opens the account', async () => {
  await Promise
    .all(Array.from({ length: 30 }, (_, index) => register('flooded@example.test', `${PASSWORD} ${index}`)))
  await mailsDone(auth)
  const mails = (await readMails(auth.mailDir)).filter(({ to }) => to === 'flooded@example.test')
  expect(mails.map(({ kind }) => kind)).toEqual(Array(5).fill('confirm-registration'))
  // The next registration gets no mail of its own, and its password counts too.
  await register('flooded@example.test', 'the tram of the owner')
  await mailsDone(auth)
  expect((await verify(mails[0]!.token!, 'the tram of the owner')).status).toBe(204)
  await Promise.all(Array.from({ length: 8 }, () => register('Flooded@example.test')))
  await mailsDone(auth)
  expect((await readMails(auth.mailDir)).filter(({ to, kind }) =>
    to === 'Flooded@example.test' && kind === 'address-in-use'
  )).toHaveLength(5)
})

test('the mail of a registration comes again, and its new link makes the account', async () => {
  await register('again@example.test')
  const first = await mailTo(auth, 'again@example.test', 'confirm-registration')
  await auth.sql(`UPDATE email_tokens SET expires_at = now()
    WHERE registration_id IN (SELECT id FROM pending_registrations WHERE email = 'again@example.test')`)
  expect((await verify(first.token!, PASSWORD)).status).toBe(400)
  for (const email of ['AGAIN@example.test', 'nobody@example.test']) {
    expect(await auth.call('POST', '/api/auth/resend-verification', { body: { email } })).toMatchObject({
      status: 202,
      body: null
    })
  }
  await mailsDone(auth)
  const mails = (await readMails(auth.mailDir)).filter(({ to }) => /again|nobody/.test(to))
  expect(mails.map(({ to, kind }) => [to, kind]))
    .toEqual(Array(2).fill(['again@example.test', 'confirm-registration']))
  expect((await verify(mails[1]!.token!, PASSWORD)).status).toBe(204)
})

test('a stranger’s click makes no account with the password of an attacker who registered the address', async () => {
  await register('clicker@example.test', 'the password of the attacker')
  const { token } = await mailTo(auth, 'clicker@example.test', 'confirm-registration')
  expect((await verify(token!)).status).toBe(400)
  expect((await verify(token!, PASSWORD)).status).toBe(403)
  expect((await auth.login('clicker@example.test', 'the password of the attacker')).status).toBe(401)
  expect(await auth.sql("SELECT id FROM users WHERE email_key = 'clicker@example.test'")).toEqual([])
})
