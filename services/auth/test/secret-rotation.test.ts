import { KEY_EXCHANGE_PATH } from '@gatepost/contracts/auth/key-operations'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

const [OLD, NEW] = ['the secret of last year, of thirty-two bytes', 'the secret of this year, of thirty-two bytes']

let database: TestDatabase
beforeAll(async () => { database = await createDatabase('auth') })
afterAll(() => database.drop())

async function withAuth<Result> (settings: Record<string, string>, work: (auth: AuthServer) => Promise<Result>) {
  const auth = await startAuth(settings, database)
  try {
    return await work(auth)
  } finally {
    await auth.close()
  }
}

const refresh = (auth: AuthServer, refreshToken: string) =>
  auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })
const exchange = (auth: AuthServer, key: string) => auth.call('GET', KEY_EXCHANGE_PATH, { token: key })
const users = (auth: AuthServer, token: string, cursor = '') =>
  auth.call('GET', `/api/auth/users?limit=1${cursor && `&cursor=${cursor}`}`, { token })

test('a new TOKEN_SECRET ends nothing while the previous one is set, nor later what was used meanwhile', async () => {
  const before = await withAuth({ TOKEN_SECRET: OLD }, async (auth) => {
    const { email } = await auth.register()
    await auth.register()
    await auth.sql("UPDATE users SET role = 'admin' WHERE email = $1", email)
    const [used, unused] = [(await auth.login(email)).body, (await auth.login(email)).body]
    const { key } =
      (await auth.call('POST', '/api/auth/keys', { token: used.accessToken, body: { name: 'A program' } })).body
    return { used, unused, key, cursor: (await users(auth, used.accessToken)).body.nextCursor }
  })

  const next = await withAuth({ TOKEN_SECRET: NEW, TOKEN_SECRET_PREVIOUS: OLD }, async (auth) => {
    expect((await auth.call('GET', '/api/auth/me', { token: before.used.accessToken })).status).toBe(200)
    expect((await users(auth, before.used.accessToken, before.cursor)).status).toBe(200)
    expect((await exchange(auth, before.key)).status).toBe(200)
    const refreshed = await refresh(auth, before.used.refreshToken)
    expect(refreshed.status).toBe(200)
    // The replaced token still gets the same successor.
    expect((await refresh(auth, before.used.refreshToken)).body.refreshToken).toBe(refreshed.body.refreshToken)
    return refreshed.body.refreshToken
  })

  await withAuth({ TOKEN_SECRET: NEW }, async (auth) => {
    expect((await auth.call('GET', '/api/auth/me', { token: before.used.accessToken })).status).toBe(200)
    expect((await refresh(auth, next)).status).toBe(200)
    expect((await exchange(auth, before.key)).status).toBe(200)
    expect((await refresh(auth, before.unused.refreshToken)).status).toBe(401)
  })
  await expect(startAuth({ TOKEN_SECRET: OLD }, database)).rejects.toThrow(/TOKEN_SECRET is not the one/)
})
