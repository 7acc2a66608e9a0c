import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { readMails } from './support/mailbox.ts'

const AT_ONCE = 20
let auth: AuthServer
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

/** The same call by many at once, as statuses and how often each came. */
async function atOnce (call: (index: number) => Promise<Answer>) {
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => call(index)))
  return Object.fromEntries(
    Object.entries(Object.groupBy(answers, ({ status }) => status)).map(([status, those]) => [status, those!.length])
  )
}
const within = { timeout: 15_000, interval: 100 }

test('twenty who make the last two keys make two', async () => {
  const { accessToken } = await auth.register()
  const make = () => auth.call('POST', '/api/auth/keys', { token: accessToken, body: { name: 'A key' } })
  for (let made = 0; made < 18; made++) expect((await make()).status).toBe(201)
  expect(await atOnce(make)).toEqual({ 201: 2, 409: 18 })
  expect((await auth.call('GET', '/api/auth/keys', { token: accessToken })).body.items).toHaveLength(20)
})

test('twenty who ask for other addresses leave one change, and twenty who open its link change it once', async () => {
  const { accessToken, user } = await auth.register()
  const address = (index: number) => `wanted${index}@example.test`
  expect(await atOnce((index) =>
    auth.call('POST', '/api/auth/change-email', {
      token: accessToken,
      body: { email: address(index), password: PASSWORD }
    })
  )).toEqual({ 202: 20 })
  const [{ email }, ...others] = await auth.sql('SELECT email FROM email_changes WHERE user_id = $1', user.id)
  expect(others).toEqual([])
  const mail = async () =>
    (await readMails(auth.mailDir)).find(({ kind, to }) => kind === 'confirm-email-change' && to === email)
  await expect.poll(mail, within).toBeDefined()
  const { token } = (await mail())!
  expect(await atOnce(() => auth.call('POST', '/api/auth/confirm-email-change', { body: { token } })))
    .toEqual({ 204: 1, 400: 19 })
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).body.email).toBe(email)
})

test('twenty administrators who invite one address make one account and one mail', async () => {
  const admin = await auth.register()
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  const { body: { accessToken } } = await auth.login(admin.email)
  const email = 'invited@example.test'
  expect(await atOnce((index) =>
    auth.call('POST', '/api/auth/users', {
      token: accessToken,
      body: { email: index % 2 ? email : email.toUpperCase(), displayName: 'Invited' }
    })
  )).toEqual({ 201: 1, 409: 19 })
  expect(await auth.sql('SELECT count(*)::int AS users FROM users WHERE email_key = $1', email)).toEqual([{ users: 1 }])
  const invitations = async () =>
    (await readMails(auth.mailDir)).filter(({ kind, to }) => kind === 'invitation' && to.toLowerCase() === email)
  await expect.poll(async () => (await invitations()).length, within).toBe(1)
  await expect.poll(() => auth.sql("SELECT id FROM jobs WHERE kind = 'invitation'"), within).toEqual([])
  expect(await invitations()).toHaveLength(1)
})
