import { createDatabase, type TestDatabase } from '@gatepost/testing/database'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

const MANY = 8_000
const LIMIT = 100
const AT_ONCE = 20
/** Statements of one transaction, however many sessions it ends; the service's routines are counted too. */
const MESSAGES = 200

let database: TestDatabase
let proxy: Awaited<ReturnType<typeof startTcpProxy>>
let auth: AuthServer
beforeAll(async () => {
  database = await createDatabase('auth')
  const url = new URL(database.url)
  proxy = await startTcpProxy(Number(url.port))
  url.port = String(proxy.port)
  auth = await startAuth({}, { ...database, url: url.href })
})
afterAll(async () => {
  await auth.close()
  await proxy.stop()
  await database.drop()
})

/** Adds live sessions that are older than the registration's, oldest first. */
function addSessions (userId: string, count: number) {
  return auth.sql(
    `INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, absolute_expiry, access_expires_at)
    SELECT uuidv7(), $1, now() - (2 + $2 - n) * interval '1 second', now(), now() + interval '1 day',
      now() + interval '1 day', now() + interval '10 minutes'
    FROM generate_series(1, $2::int) AS n RETURNING id`, userId, count)
}

async function countsOf (userId: string) {
  const [row] = await auth.sql(
    `SELECT count(*) FILTER (WHERE ended_at IS NULL)::int AS live,
      count(*) FILTER (WHERE ended_at IS NOT NULL)::int AS ended,
      (SELECT count(*)::int FROM outbox JOIN sessions AS s ON s.id = aggregate_id WHERE s.user_id = $1) AS events
    FROM sessions WHERE user_id = $1`,
    userId
  )
  return row
}

test.each([
  ['logout of the others', 'POST', '/api/auth/logout?scope=others', undefined, 1],
  ['logout of all', 'POST', '/api/auth/logout?scope=all', undefined, 0],
  ['change-password', 'POST', '/api/auth/change-password', {
    currentPassword: PASSWORD,
    newPassword: 'another tram, another town 7'
  }, 1],
  ['delete-account', 'POST', '/api/auth/delete-account', { password: PASSWORD }, 0]
])('%s ends 8,000 sessions, each with its event', async (_name, method, path, body, left) => {
  const { user, accessToken } = await auth.register()
  await addSessions(user.id, MANY)
  const before = proxy.messages()
  expect((await auth.call(method, path, { token: accessToken, body })).status).toBe(204)
  expect(proxy.messages() - before).toBeLessThan(MESSAGES)
  expect(await countsOf(user.id)).toEqual({ live: left, ended: MANY + 1 - left, events: MANY + 1 - left })
})

test('disabling ends 8,000 sessions, each with its event', async () => {
  const admin = await auth.register()
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  const { accessToken } = (await auth.login(admin.email)).body
  const { user } = await auth.register()
  await addSessions(user.id, MANY)
  expect((await auth.call('PATCH', `/api/auth/users/${user.id}`, { token: accessToken, body: { disabled: true } }))
    .status).toBe(200)
  expect(await countsOf(user.id)).toEqual({ live: 0, ended: MANY + 1, events: MANY + 1 })
})

test('a login at the limit ends the oldest session, with the reason', async () => {
  const { user, email, sessionId, accessToken } = await auth.register()
  const [oldest] = await addSessions(user.id, LIMIT - 1)
  const { status, body } = await auth.login(email)
  expect(status).toBe(200)
  expect(await countsOf(user.id)).toEqual({ live: LIMIT, ended: 1, events: 1 })
  const revoked = (await auth.events('session-revoked')).filter(({ data }) => data.userId === user.id)
  expect(revoked).toEqual([
    expect.objectContaining({ subject: oldest.id, data: expect.objectContaining({ reason: 'too-many' }) })
  ])
  const { items } = (await auth.call('GET', '/api/auth/sessions?ended=true', { token: accessToken })).body
  expect(items).toEqual([expect.objectContaining({ id: oldest.id, endReason: 'too-many' })])
  expect((await auth.call('GET', '/api/auth/me', { token: body.accessToken })).status).toBe(200)
  expect(sessionId).not.toBe(oldest.id)
  expect(await auth.sql("SELECT detail FROM audit_log WHERE user_id = $1 AND act = 'sessions-ended'", user.id))
    .toEqual([{ detail: { reason: 'too-many', sessions: '1' } }])
})

test.each([LIMIT - 1, LIMIT / 2 - 2, 5 * LIMIT])(
  'twenty logins at once beside %i sessions leave 100 at most, and one event for each ended session',
  async (before) => {
    const { user, email } = await auth.register()
    await addSessions(user.id, before)
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => auth.login(email)))
    expect(answers.map(({ status }) => status)).toEqual(Array(AT_ONCE).fill(200))
    const live = Math.min(LIMIT, before + 1 + AT_ONCE)
    expect(await countsOf(user.id)).toEqual({
      live,
      ended: before + 1 + AT_ONCE - live,
      events: before + 1 + AT_ONCE - live
    })
    // The sessions that have just begun are the newest.
    const works = await Promise
      .all(answers.map(async ({ body }) =>
        (await auth.call('GET', '/api/auth/me', { token: body.accessToken })).status
      ))
    expect(works).toEqual(Array(AT_ONCE).fill(200))
  }
)
