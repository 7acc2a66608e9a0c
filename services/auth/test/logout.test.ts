import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

async function threeSessions () {
  const first = await auth.register()
  const second = (await auth.login(first.email)).body
  const third = (await auth.login(first.email)).body
  return { userId: first.user.id, sessions: [first, second, third] as const }
}

const works = async ({ accessToken }: { accessToken: string }) =>
  (await auth.call('GET', '/api/auth/me', { token: accessToken })).status === 200

test.each([
  [undefined, [false, true, true]],
  ['local', [false, true, true]],
  ['others', [true, false, false]],
  ['all', [false, false, false]]
])('scope %s ends its sessions, with one event for each', async (scope, expected) => {
  const { sessions, userId } = await threeSessions()
  const path = `/api/auth/logout${scope ? `?scope=${scope}` : ''}`
  expect(await auth.call('POST', path, { token: sessions[0].accessToken })).toMatchObject({ status: 204, body: null })
  expect(await Promise.all(sessions.map(works))).toEqual(expected)
  const revoked = (await auth.events('session-revoked')).filter(({ data }) => data.userId === userId)
  expect(revoked.map(({ subject }) => subject).sort()).toEqual(sessions.filter((_, index) =>
    !expected[index]
  ).map(({ sessionId }) => sessionId).sort())
  for (const { data, aggregateversion } of revoked) {
    expect(aggregateversion).toBe(1)
    expect(data.reason).toBe('logout')
    expect(Date.parse(data.expiresAt) - Date.now()).toBeGreaterThan(590_000)
  }
})

test('a second logout with the same token is 204 again and changes nothing', async () => {
  const { accessToken } = await auth.register()
  await auth.call('POST', '/api/auth/logout', { token: accessToken })
  const before = await auth.events('session-revoked')
  expect((await auth.call('POST', '/api/auth/logout', { token: accessToken })).status).toBe(204)
  expect((await auth.call('POST', '/api/auth/logout?scope=all', { token: accessToken })).status).toBe(204)
  expect(await auth.events('session-revoked')).toEqual(before)
})

test('the token of an ended session does not end other sessions', async () => {
  const { sessions: [first, second] } = await threeSessions()
  await auth.call('POST', '/api/auth/logout', { token: first.accessToken })
  expect(await auth.call('POST', '/api/auth/logout?scope=all', { token: first.accessToken })).toMatchObject({
    status: 401
  })
  expect(await works(second)).toBe(true)
})

test('the refresh token is enough, with an expired access token or none', async () => {
  const { sessions: [first, second, third] } = await threeSessions()
  expect((await auth.call('POST', '/api/auth/logout', { body: { refreshToken: first.refreshToken } })).status).toBe(204)
  expect((await auth.call('POST', '/api/auth/logout', { body: { refreshToken: first.refreshToken } })).status).toBe(204)
  expect(await works(first)).toBe(false)
  expect((await auth.call('POST', '/api/auth/logout?scope=all', {
    token: 'expired',
    body: { refreshToken: second.refreshToken }
  })).status).toBe(204)
  expect(await works(third)).toBe(false)
})

test('a refresh token that was replaced ends its own session and no other', async () => {
  const { sessions: [first, second] } = await threeSessions()
  let current = first.refreshToken
  for (let turn = 0; turn < 2; turn++) {
    current =
      (await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken: current } })).body.refreshToken
  }
  expect((await auth.call('POST', '/api/auth/logout', { body: { refreshToken: first.refreshToken } })).status).toBe(204)
  expect(await works(second)).toBe(true)
  expect(await works(first)).toBe(false)
})

/** Refreshes a session, `secondsAgo`, and logs out of all sessions with its first token. */
async function logoutByReplaced (secondsAgo: number, turns = 1) {
  const { sessions: [first, second] } = await threeSessions()
  let current = first.refreshToken
  for (let turn = 0; turn < turns; turn++) {
    current =
      (await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken: current } })).body.refreshToken
  }
  await auth.sql(
    "UPDATE sessions SET last_used_at = last_used_at - $2 * interval '1 second' WHERE id = $1",
    first.sessionId,
    secondsAgo
  )
  const answer = await auth.call('POST', '/api/auth/logout?scope=all', { body: { refreshToken: first.refreshToken } })
  const reasons = (await auth.events('session-revoked')).filter(({ subject }) => subject === first.sessionId).map((
    { data }
  ) => data.reason)
  return { status: answer.status, code: answer.body?.code, alive: [await works(first), await works(second)], reasons }
}

test('a refresh token that was replaced just now still speaks for all sessions', async () => {
  expect(await logoutByReplaced(9)).toMatchObject({ status: 204, alive: [false, false], reasons: ['logout'] })
})

test.each([[11, 1], [0, 2]])(
  'a refresh token that was replaced %i s ago, %i times, speaks for no other: its use ends its session',
  async (secondsAgo, turns) => {
    expect(await logoutByReplaced(secondsAgo, turns)).toEqual({
      status: 401,
      code: 'AUTH_REFRESH_TOKEN_REUSED',
      alive: [false, true],
      reasons: ['refresh-token-reused']
    })
  }
)

test.each([
  ['nothing at all', {}, 'TOKEN_REQUIRED'],
  ['an empty object', { body: {} }, 'TOKEN_REQUIRED'],
  ['junk in the body', { body: '{' }, 'TOKEN_REQUIRED'],
  ['an unknown member', { body: { surprise: 1 } }, 'TOKEN_REQUIRED'],
  ['a bad access token', { token: 'junk' }, 'TOKEN_INVALID'],
  ['a junk refresh token', { body: { refreshToken: 'junk' } }, 'AUTH_INVALID_REFRESH_TOKEN'],
  ['a refresh token with a wrong MAC', { body: { refreshToken: 'A'.repeat(71) } }, 'AUTH_INVALID_REFRESH_TOKEN']
])('%s: 401', async (_name, options, code) => {
  expect(await auth.call('POST', '/api/auth/logout', options)).toMatchObject({ status: 401, body: { code } })
  if (code.startsWith('TOKEN')) {
    expect(await auth.call('POST', '/api/auth/logout?scope=bogus', options)).toMatchObject({
      status: 401,
      body: { code }
    })
  }
})

test('a request with a token and an unknown scope is 400', async () => {
  const { accessToken } = await auth.register()
  expect(await auth.call('POST', '/api/auth/logout?scope=bogus', { token: accessToken })).toMatchObject({
    status: 400,
    body: { errors: [{ path: '/query/scope' }] }
  })
  expect(await works({ accessToken })).toBe(true)
})
