import { hashSync } from '@node-rs/argon2'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HASH_PARAMETERS } from '../src/passwords/password-hash.ts'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth({}, undefined, HASH_PARAMETERS) })
afterAll(() => auth.close())

test('lists the live sessions with device and address, the current one marked', async () => {
  const { email, sessionId, accessToken } = await auth.register({ from: '192.0.2.1' })
  await auth.call('POST', '/api/auth/login', {
    body: { email, password: PASSWORD },
    from: '2001:db8::7',
    headers: { 'user-agent': 'Phone/1.0' }
  })
  const { status, body } = await auth.call('GET', '/api/auth/sessions', { token: accessToken })
  expect(status).toBe(200)
  expect(body.items).toHaveLength(2)
  expect(body.items[0]).toMatchObject({
    ipAddress: '2001:db8::7',
    userAgent: 'Phone/1.0',
    current: false,
    endedAt: null,
    endReason: null
  })
  expect(body.items[1]).toMatchObject({ id: sessionId, ipAddress: '192.0.2.1', current: true })
})

test('a deleted session is dead at once, and listed with its reason among the ended', async () => {
  const { email, accessToken } = await auth.register()
  const other = (await auth.login(email)).body
  expect((await auth.call('DELETE', `/api/auth/sessions/${other.sessionId}`, { token: accessToken })).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: other.accessToken })).status).toBe(401)
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken: other.refreshToken } })).status)
    .toBe(401)
  const { body } = await auth.call('GET', '/api/auth/sessions?ended=true', { token: accessToken })
  expect(body.items).toEqual([
    expect.objectContaining({ id: other.sessionId, endReason: 'ended', endedAt: expect.any(String) })
  ])
})

test('a session that is ended, unknown or another user’s is 404', async () => {
  const mine = await auth.register()
  const other = await auth.register()
  const ended = (await auth.login(mine.email)).body
  await auth.call('POST', '/api/auth/logout', { token: ended.accessToken })
  for (const id of [other.sessionId, ended.sessionId, '01890a5d-ac96-774b-bcce-b302099a8057']) {
    expect(await auth.call('DELETE', `/api/auth/sessions/${id}`, { token: mine.accessToken })).toMatchObject({
      status: 404,
      body: { code: 'AUTH_SESSION_NOT_FOUND' }
    })
  }
  expect((await auth.call('GET', '/api/auth/me', { token: other.accessToken })).status).toBe(200)
})

test('an expired session is listed as ended when it expired, for 30 days', async () => {
  const { email, accessToken } = await auth.register()
  const [recent, old] = [(await auth.login(email)).body, (await auth.login(email)).body]
  await auth.sql("UPDATE sessions SET expires_at = now() - interval '1 day' WHERE id = $1", recent.sessionId)
  await auth.sql("UPDATE sessions SET expires_at = now() - interval '31 days' WHERE id = $1", old.sessionId)
  const { body } = await auth.call('GET', '/api/auth/sessions?ended=true', { token: accessToken })
  expect(body.items).toEqual([expect.objectContaining({ id: recent.sessionId, endReason: 'expired' })])
})

test('changing the password ends all other sessions, and the old password opens nothing', async () => {
  const first = await auth.register()
  const second = (await auth.login(first.email)).body
  const newPassword = 'another tram, another town 7'
  expect(await auth.call('POST', '/api/auth/change-password', {
    token: first.accessToken,
    body: { currentPassword: 'wrong wrong', newPassword }
  })).toMatchObject({ status: 403 })
  expect(await auth.call('POST', '/api/auth/change-password', {
    token: first.accessToken,
    body: { currentPassword: PASSWORD, newPassword: 'password1' }
  })).toMatchObject({ status: 422, body: { errors: [{ path: '/body/newPassword' }] } })
  expect((await auth.call('POST', '/api/auth/change-password', {
    token: first.accessToken,
    body: { currentPassword: PASSWORD, newPassword }
  })).status).toBe(204)
  expect((await auth.call('GET', '/api/auth/me', { token: first.accessToken })).status).toBe(200)
  expect((await auth.call('GET', '/api/auth/me', { token: second.accessToken })).status).toBe(401)
  expect((await auth.login(first.email)).status).toBe(401)
  expect((await auth.login(first.email, newPassword)).status).toBe(200)
  expect((await auth.events('session-revoked')).filter(({ data }) => data.userId === first.user.id)).toEqual([
    expect.objectContaining({
      subject: second.sessionId,
      data: expect.objectContaining({ reason: 'password-changed' })
    })
  ])
})

/** Resolves once a statement waits for a locked row. The row is locked for less time than a statement may take. */
async function waits (holder: pg.Client) {
  const waiting = async () =>
    (await holder
      .query("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rows
      .length
  await expect.poll(waiting, { timeout: 20_000, interval: 20 }).toBe(1)
}

test.each([
  ['password is changed', 'password_hash = (SELECT password_hash FROM users WHERE id = $2)'],
  ['account is disabled', 'disabled_at = CASE WHEN $2::uuid <> $1 THEN now() END']
])('a login whose %s between its check and its session begins none', async (_, change) => {
  const { email, user, sessionId } = await auth.register()
  const other = await auth.register({ password: 'another tram, another town 7' })
  const holder = new pg.Client({ connectionString: auth.database.adminUrl })
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query(`UPDATE users SET ${change} WHERE id = $1`, [user.id, other.user.id])
  const login = auth.login(email)
  await waits(holder)
  await holder.query('COMMIT')
  await holder.end()
  expect((await login).status).toBe(401)
  expect(await auth.sql('SELECT id FROM sessions WHERE user_id = $1', user.id)).toEqual([{ id: sessionId }])
})

test('a login whose role changes between its check and its session bears the new one', async () => {
  const { email, user } = await auth.register()
  const holder = new pg.Client({ connectionString: auth.database.adminUrl })
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query("UPDATE users SET role = 'admin' WHERE id = $1", [user.id])
  const login = auth.login(email)
  await waits(holder)
  await holder.query('COMMIT')
  await holder.end()
  const { body } = await login
  expect(body.user.role).toBe('admin')
  expect((await auth.call('GET', '/api/auth/me', { token: body.accessToken })).status).toBe(200)
})

test('a login upgrades a hash of older parameters, and the same password still opens it', async () => {
  const { email, user } = await auth.register()
  const older = hashSync(PASSWORD, { ...HASH_PARAMETERS, timeCost: 1 })
  const stored = async () => (await auth.sql('SELECT password_hash AS hash FROM users WHERE id = $1', user.id))[0].hash
  await auth.sql('UPDATE users SET password_hash = $1 WHERE id = $2', older, user.id)
  expect((await auth.login(email, 'not the password')).status).toBe(401)
  expect(await stored()).toBe(older)
  expect((await auth.login(email)).status).toBe(200)
  await expect.poll(stored).toMatch(/m=19456,t=2,p=1/)
  const anew = await stored()
  expect((await auth.login(email)).status).toBe(200)
  expect(await stored()).toBe(anew)
})

test('the upgrade of a hash at login does not undo a change of the password beside it', async () => {
  const { email, user } = await auth.register()
  await auth.sql(
    'UPDATE users SET password_hash = $1 WHERE id = $2',
    hashSync(PASSWORD, { ...HASH_PARAMETERS, timeCost: 1 }),
    user.id
  )
  const holder = new pg.Client({ connectionString: auth.database.adminUrl })
  await holder.connect()
  await holder.query('BEGIN')
  // Sessions may begin while the row may not change.
  await holder.query('SELECT FROM users WHERE id = $1 FOR SHARE', [user.id])
  const login = auth.login(email)
  await waits(holder)
  await holder.query("UPDATE users SET password_hash = 'chosen meanwhile' WHERE id = $1", [user.id])
  await holder.query('COMMIT')
  await holder.end()
  expect((await login).status).toBe(200)
  expect(await auth.sql('SELECT password_hash FROM users WHERE id = $1', user.id)).toEqual([{
    password_hash: 'chosen meanwhile'
  }])
})
