import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { readMails } from './support/mailbox.ts'

interface Before {
  email: string
  accessToken: string
  refreshToken: string
  key: string
}

let database: TestDatabase
let people: Before[]
beforeAll(async () => {
  database = await createDatabase('auth', { hostile: true })
  const auth = await startAuth({}, database)
  people = await Promise.all([1, 2].map(async () => {
    const { email, accessToken, refreshToken } = await auth.register()
    const { body: { key } } = await auth.call('POST', '/api/auth/keys', { token: accessToken, body: { name: 'A key' } })
    return { email, accessToken, refreshToken, key }
  }))
  await auth.close()
})
afterAll(() => database.drop())

async function during (settings: Record<string, string>, work: (auth: AuthServer) => Promise<void>) {
  const auth = await startAuth(settings, database)
  try {
    await work(auth)
  } finally {
    await auth.close()
  }
}
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())

test('by default accounts from before work on when verification becomes required; their tokens say so', () =>
  during({ REQUIRE_EMAIL_VERIFICATION: 'true' }, async (auth) => {
    const { status, body } = await auth.login(people[0]!.email)
    expect([status, claimsOf(body.accessToken).email_verified]).toEqual([200, false])
    expect((await auth.call('GET', KEY_EXCHANGE_PATH, { token: people[0]!.key })).status).toBe(200)
  }))

test('with UNVERIFIED_ACCOUNTS=refuse the right password brings a mail and no session; once confirmed all works', () =>
  during({ REQUIRE_EMAIL_VERIFICATION: 'true', UNVERIFIED_ACCOUNTS: 'refuse' }, async (auth) => {
    const [{ email, refreshToken, key }] = people as [Before]
    const refused = await auth.login(email)
    expect([refused.status, (refused.body as never as { code: string }).code]).toEqual([403, 'AUTH_EMAIL_NOT_VERIFIED'])
    expect((await auth.login(email, 'not the password')).status).toBe(401)
    const refreshed = await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })
    expect([refreshed.status, refreshed.body.code]).toEqual([403, 'AUTH_EMAIL_NOT_VERIFIED'])
    expect((await auth.call('GET', KEY_EXCHANGE_PATH, { token: key })).status).toBe(401)

    const mail = async () =>
      (await readMails(auth.mailDir)).find(({ to, kind }) => to === email && kind === 'verify-email')
    await expect.poll(mail, { timeout: 15_000, interval: 100 }).toBeDefined()
    const { token } = (await mail())!
    expect((await auth.call('POST', '/api/auth/verify-email', { body: { token } })).status).toBe(204)
    const { status, body } = await auth.login(email)
    expect([status, claimsOf(body.accessToken).email_verified]).toEqual([200, true])
    expect((await auth.call('GET', KEY_EXCHANGE_PATH, { token: key })).status).toBe(200)
  }))

test('an administrator confirms an address, which is on record as the administrator’s act', () =>
  during({ REQUIRE_EMAIL_VERIFICATION: 'true', UNVERIFIED_ACCOUNTS: 'refuse' }, async (auth) => {
    const [admin, { email }] = people as [Before, Before]
    await auth.sql("UPDATE users SET role = 'admin' WHERE email = $1", admin.email)
    const { body: { accessToken, user } } = await auth.login(admin.email)
    const [{ id }] = await auth.sql('SELECT id FROM users WHERE email = $1', email)
    const manage = (body: object) => auth.call('PATCH', `/api/auth/users/${id}`, { token: accessToken, body })
    expect((await manage({ emailVerified: false })).status).toBe(400)
    expect((await manage({ emailVerified: true })).body).toMatchObject({ emailVerified: true })
    expect((await auth.login(email, PASSWORD)).status).toBe(200)
    expect(await auth.sql("SELECT actor_id FROM audit_log WHERE act = 'email-verified' AND user_id = $1", id))
      .toEqual([{ actor_id: user.id }])
  }))
