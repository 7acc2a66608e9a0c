import { SESSION_SETTINGS } from '@gatepost/service-kit/database-session'
import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { type Pooler, startPooler } from '@gatepost/testing/pooler'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let database: TestDatabase
let pooler: Pooler
let processes: AuthServer[]
beforeAll(async () => {
  database = await createDatabase('auth', { roleSettings: SESSION_SETTINGS })
  pooler = await startPooler({ mode: 'transaction' })
  const pooled = { ...database, url: `${pooler.urlOf(database.url)}?pgbouncer=true` }
  processes = await Promise.all([startAuth({}, pooled), startAuth({}, pooled)])
})
afterAll(async () => {
  await Promise.all(processes.map((each) => each.close()))
  await pooler.stop()
  await database.drop()
})

test('two processes work behind a pooler in transaction mode, from registration to logout', async () => {
  const statuses = await Promise.all(Array.from({ length: 6 }, async (_, count) => {
    const [one, other] = count % 2 ? processes : processes.toReversed()
    const { accessToken: token, refreshToken, user } = await one!.register()
    const { body } = await other!.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })
    const answers = [
      await other!.call('GET', '/api/auth/me', { token }),
      await one!.call('PATCH', '/api/auth/me', { token, body: { displayName: 'Changed' } }),
      await other!.call('GET', `/api/auth/users/${user.id}`, { token }),
      await one!.call('GET', '/api/auth/sessions', { token: body.accessToken }),
      await other!.call('POST', '/api/auth/logout?scope=all', { token }),
      await one!.call('GET', '/api/auth/me', { token })
    ]
    return answers.map(({ status }) => status).join()
  }))
  expect(new Set(statuses)).toEqual(new Set(['200,200,200,200,204,401']))
})
