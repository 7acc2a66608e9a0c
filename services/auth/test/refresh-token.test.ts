import { afterAll, beforeAll, expect, test } from 'vitest'
import { deriveMacKey } from '../src/secrets.ts'
import { decodeRefreshToken, encodeRefreshToken } from '../src/sessions/refresh-token.ts'
import { sessionStartRepository } from '../src/sessions/session-start-repository.ts'
import { type AuthServer, startAuth, TOKEN_SECRET } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth({ REFRESH_IDLE_TTL: '1000', REFRESH_ABSOLUTE_TTL: '3000' }) })
afterAll(() => auth.close())

const refresh = (refreshToken: string) => auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })
/** Makes the last move of the counter older. */
const age = (sessionId: string, seconds: number) =>
  auth.sql(
    "UPDATE sessions SET last_used_at = last_used_at - $2 * interval '1 second' WHERE id = $1",
    sessionId,
    seconds
  )
const revocations = async (sessionId: string) =>
  (await auth.events('session-revoked')).filter(({ subject }) => subject === sessionId).map(({ data }) => data.reason)

test('a refresh goes on with the same session and new tokens', async () => {
  const first = await auth.register()
  const { status, headers, body } = await refresh(first.refreshToken)
  expect(status).toBe(200)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toMatchObject({ sessionId: first.sessionId, user: first.user, expiresIn: 600 })
  expect(body.refreshToken).not.toBe(first.refreshToken)
  expect(body.accessToken).not.toBe(first.accessToken)
})

test('fifty tabs that race with one token all get the same successor', async () => {
  const first = await auth.register()
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(first.refreshToken)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1)
  expect((await refresh(answers[0]!.body.refreshToken)).status).toBe(200)
})

test('a token is answered with its successor for 10 s after its first use', async () => {
  const first = await auth.register()
  const second = (await refresh(first.refreshToken)).body
  await age(first.sessionId, 9)
  expect((await refresh(first.refreshToken)).body.refreshToken).toBe(second.refreshToken)
})

test('a token that is used later ends its session, committed although the answer is 401', async () => {
  const first = await auth.register()
  const second = (await refresh(first.refreshToken)).body
  await age(first.sessionId, 11)
  expect(await refresh(first.refreshToken)).toMatchObject({ status: 401, body: { code: 'AUTH_REFRESH_TOKEN_REUSED' } })
  expect(await refresh(second.refreshToken)).toMatchObject({
    status: 401,
    body: { code: 'AUTH_INVALID_REFRESH_TOKEN' }
  })
  expect((await auth.call('GET', '/api/auth/me', { token: second.accessToken })).status).toBe(401)
  expect(await revocations(first.sessionId)).toEqual(['refresh-token-reused'])
  expect(await auth.sql(
    "SELECT act FROM audit_log WHERE session_id = $1 AND act = 'refresh-token-reused'",
    first.sessionId
  )).toHaveLength(1)
})

test('the grace is counted from the first use: asking again does not prolong it', async () => {
  const first = await auth.register()
  await refresh(first.refreshToken)
  for (let turn = 0; turn < 3; turn++) {
    await age(first.sessionId, 3)
    expect((await refresh(first.refreshToken)).status).toBe(200)
  }
  await age(first.sessionId, 3)
  expect((await refresh(first.refreshToken)).body.code).toBe('AUTH_REFRESH_TOKEN_REUSED')
})

test('a token two behind ends the session at once, and only that one', async () => {
  const first = await auth.register()
  const other = (await auth.login(first.email)).body
  const second = (await refresh(first.refreshToken)).body
  await refresh(second.refreshToken)
  expect((await refresh(first.refreshToken)).body.code).toBe('AUTH_REFRESH_TOKEN_REUSED')
  expect((await refresh(other.refreshToken)).status).toBe(200)
})

test('many reuses of an old token at once end the session once', async () => {
  const first = await auth.register()
  await refresh((await refresh(first.refreshToken)).body.refreshToken)
  const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(first.refreshToken)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
  expect(answers.filter(({ body }) => body.code === 'AUTH_REFRESH_TOKEN_REUSED')).toHaveLength(1)
  expect(await revocations(first.sessionId)).toHaveLength(1)
})

test('a token from the future and one of another key change nothing', async () => {
  const first = await auth.register()
  const key = deriveMacKey(TOKEN_SECRET, 'refresh-tokens')
  expect(decodeRefreshToken(key, first.refreshToken)).toEqual({ sessionId: first.sessionId, counter: 1 })
  expect((await refresh(encodeRefreshToken(key, { sessionId: first.sessionId, counter: 2 }))).body.code)
    .toBe('AUTH_INVALID_REFRESH_TOKEN')
  expect((await refresh(encodeRefreshToken(deriveMacKey('x'.repeat(32), 'refresh-tokens'), {
    sessionId: first.sessionId,
    counter: 1
  }))).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  expect((await refresh(first.refreshToken)).status).toBe(200)
})

test('every bit of a token matters, and a token has one spelling', () => {
  const key = deriveMacKey(TOKEN_SECRET, 'refresh-tokens')
  const token = encodeRefreshToken(key, { sessionId: '01890a5d-ac96-774b-bcce-b302099a8057', counter: 7 })
  const bytes = Buffer.from(token, 'base64url')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(decodeRefreshToken(key, changed.toString('base64url'))).toBeNull()
  }
  const last = token.at(-1)!
  const sameBits = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    .filter((character) => character !== last && Buffer.from(token.slice(0, -1) + character, 'base64url').equals(bytes))
  expect(sameBits.length).toBeGreaterThan(0)
  for (const character of sameBits) expect(decodeRefreshToken(key, token.slice(0, -1) + character)).toBeNull()
  for (const spelling of [`${token}=`, ` ${token}`, token.replace(/./, '$&\n'), `${token}A`]) {
    expect(decodeRefreshToken(key, spelling)).toBeNull()
  }
})

test('an unused session ends; a used one ends at its absolute age', async () => {
  const idle = await auth.register()
  await auth.sql("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = $1", idle.sessionId)
  expect((await refresh(idle.refreshToken)).body.code).toBe('AUTH_INVALID_REFRESH_TOKEN')
  expect((await auth.call('GET', '/api/auth/me', { token: idle.accessToken })).status).toBe(401)

  const old = await auth.register()
  const [before] = await auth.sql('SELECT * FROM sessions WHERE id = $1', old.sessionId)
  expect(before.absolute_expiry - before.created_at).toBe(3000_000)
  expect(before.expires_at - before.created_at).toBe(1000_000)
  await auth.sql("UPDATE sessions SET absolute_expiry = now() + interval '100 seconds' WHERE id = $1", old.sessionId)
  const { body } = await refresh(old.refreshToken)
  expect(body.expiresIn).toBeLessThanOrEqual(100)
  const [after] = await auth.sql('SELECT expires_at, absolute_expiry FROM sessions WHERE id = $1', old.sessionId)
  expect(after.expires_at).toEqual(after.absolute_expiry)
})

test('no session or access token outlives the session’s absolute age, whatever the settings', async () => {
  const { user } = await auth.register()
  const [{ hash }] = await auth.sql('SELECT password_hash AS hash FROM users WHERE id = $1', user.id)
  const { begun } = await sessionStartRepository.begin(auth.store.sql, {
    account: { id: user.id, passwordHash: hash },
    origin: { address: null, network: 'unknown', userAgent: null, requestId: 'short', traceparent: '' },
    accessExpiry: new Date(Date.now() + 600_000),
    lifetimes: { idleSeconds: 100, absoluteSeconds: 50 },
    act: 'login',
    counters: [],
    room: 100
  })
  const { sessionId, accessExpiresAt } = begun!.session
  const [row] = await auth.sql('SELECT * FROM sessions WHERE id = $1', sessionId)
  expect(row.absolute_expiry - row.created_at).toBe(50_000)
  expect(row.expires_at).toEqual(row.absolute_expiry)
  expect(accessExpiresAt).toEqual(row.absolute_expiry)
})

test('the event has the end of the last access token, also of a raced refresh', async () => {
  const first = await auth.register()
  await refresh(first.refreshToken)
  await auth.sql("UPDATE sessions SET access_expires_at = now() - interval '1 hour' WHERE id = $1", first.sessionId)
  const raced = (await refresh(first.refreshToken)).body
  await auth.call('POST', '/api/auth/logout', { token: raced.accessToken })
  const { exp } = JSON.parse(Buffer.from(raced.accessToken.split('.')[1]!, 'base64url').toString())
  const [event] = (await auth.events('session-revoked')).filter(({ subject }) => subject === first.sessionId)
  expect(Date.parse(event.data.expiresAt)).toBeGreaterThanOrEqual(exp * 1000)
})

test('a refresh beside a logout never outlives it', async () => {
  for (let round = 0; round < 5; round++) {
    const first = await auth.register()
    const [refreshed, ended] = await Promise.all([
      refresh(first.refreshToken),
      auth.call('POST', '/api/auth/logout', { token: first.accessToken })
    ])
    expect(ended.status).toBe(204)
    if (refreshed.status === 200) {
      expect((await auth.call('GET', '/api/auth/me', { token: refreshed.body.accessToken })).status).toBe(401)
      expect((await refresh(refreshed.body.refreshToken)).status).toBe(401)
    }
  }
})
