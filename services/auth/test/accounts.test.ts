import { type ProblemCode, problems } from '@gatepost/contracts/problems'
import { ProblemError } from '@gatepost/service-kit/problem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const UNKNOWN_ID = '01890a5d-ac96-774b-bcce-b302099a8057'

describe('login', () => {
  test('answers the same body for a wrong password and for an unknown address', async () => {
    const { email } = await auth.register()
    const wrong = await auth.login(email, 'not the password')
    const unknown = await auth.login('nobody@example.test', 'not the password')
    const plain = ({ body }: { body: any }) => ({ ...body, requestId: '' })
    expect(wrong.status).toBe(401)
    expect(unknown.status).toBe(401)
    expect(plain(wrong)).toEqual(plain(unknown))
  })

  test('a password is compared to its last byte and never trimmed', async () => {
    const password = `${'x1'.repeat(60)} end `
    const { email } = await auth.register({ password })
    expect((await auth.login(email, password)).status).toBe(200)
    expect((await auth.login(email, password.trimEnd())).status).toBe(401)
    expect((await auth.login(email, password.slice(0, 72))).status).toBe(401)
  })

  test('a password has at most 1,024 bytes', async () => {
    const longest = '\u00e9b'.repeat(341) + 'x'
    expect(Buffer.byteLength(longest)).toBe(1024)
    const { email } = await auth.register({ password: longest })
    expect((await auth.login(email, longest)).status).toBe(200)
    expect(await auth.call('POST', '/api/auth/register', {
      body: { email: 'l@example.test', password: `${longest}y`, displayName: 'x' }
    })).toMatchObject({ status: 422, body: { code: 'AUTH_WEAK_PASSWORD' } })
  })
})

test('every 401 names the scheme (RFC 9110 section 15.5.2)', async () => {
  const refused = await Promise.all([
    auth.login('nobody@example.test', 'not the password'),
    auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken: 'junk' } }),
    auth.call('POST', '/api/auth/logout', { body: { refreshToken: 'junk' } })
  ])
  expect(refused.map(({ status, headers }) => [status, headers.get('www-authenticate')]))
    .toEqual(Array(3).fill([401, 'Bearer realm="gatepost"']))
  const codes = Object.keys(problems).filter((code) => problems[code as ProblemCode].status === 401) as ProblemCode[]
  expect(codes.map((code) => new ProblemError(code).headers['www-authenticate']))
    .toEqual(codes.map(() => expect.stringMatching(/^Bearer /)))
})

describe('me', () => {
  test('a request without a token is 401 with a challenge, before anything else is judged', async () => {
    const { status, headers, body } = await auth.call('PATCH', '/api/auth/me', { body: { nonsense: 1 } })
    expect(status).toBe(401)
    expect(headers.get('www-authenticate')).toMatch(/^Bearer /)
    expect(body.code).toBe('TOKEN_REQUIRED')
  })

  test('a new name is a new version and one event; the same name is neither', async () => {
    const { accessToken, user } = await auth.register({ displayName: 'Old' })
    const renamed = await auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: 'New' } })
    expect(renamed).toMatchObject({ status: 200, body: { ...user, displayName: 'New' } })
    await auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: 'New' } })
    const mine = (await auth.events('user-updated')).filter(({ subject }) => subject === user.id)
    expect(mine).toEqual([
      expect.objectContaining({ aggregateversion: 2, data: { userId: user.id, displayName: 'New' } })
    ])
  })

  test('renames that run at once get versions without a gap', async () => {
    const { accessToken, user } = await auth.register()
    await Promise
      .all(Array.from(
        { length: 8 },
        (_, index) => auth.call('PATCH', '/api/auth/me', { token: accessToken, body: { displayName: `Name ${index}` } })
      ))
    const versions = (await auth.events('user-updated')).filter(({ subject }) => subject === user.id).map((
      { aggregateversion }
    ) => aggregateversion)
    expect(versions.sort()).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('users', () => {
  test('a profile shows id, name and age, and nothing else', async () => {
    const { accessToken, user } = await auth.register({ displayName: 'Public' })
    const { status, body } = await auth.call('GET', `/api/auth/users/${user.id}`, { token: accessToken })
    expect(status).toBe(200)
    expect(body).toEqual({ id: user.id, displayName: 'Public', createdAt: user.createdAt })
    expect(await auth.call('GET', `/api/auth/users/${UNKNOWN_ID}`, { token: accessToken })).toMatchObject({
      status: 404,
      body: { code: 'AUTH_USER_NOT_FOUND' }
    })
  })
})

describe('delete-account', () => {
  test('deletion ends the sessions, stores a final event, frees the address and erases the person', async () => {
    const { email, user, accessToken, refreshToken } = await auth.register({ displayName: 'Gone', from: '192.0.2.77' })
    await auth.login(email)
    expect(await auth.call('POST', '/api/auth/delete-account', {
      token: accessToken,
      body: { password: 'not the password' }
    })).toMatchObject({ status: 403, body: { code: 'AUTH_WRONG_PASSWORD' } })
    expect((await auth.call('POST', '/api/auth/delete-account', { token: accessToken, body: { password: PASSWORD } }))
      .status).toBe(204)

    expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
    expect(await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).toMatchObject({
      status: 401,
      body: { code: 'AUTH_INVALID_REFRESH_TOKEN' }
    })
    expect((await auth.login(email)).status).toBe(401)
    const [deleted, ...more] = (await auth.events('user-deleted')).filter(({ subject }) => subject === user.id)
    expect(more).toEqual([])
    expect(deleted).toMatchObject({ aggregateversion: 2, data: { userId: user.id } })
    expect((await auth.events('session-revoked')).filter(({ data }) =>
      data.userId === user.id && data.reason === 'account-deleted'
    )).toHaveLength(2)
    const rows = JSON.stringify([
      await auth.sql('SELECT * FROM users WHERE id = $1', user.id),
      await auth.sql('SELECT * FROM sessions WHERE user_id = $1', user.id)
    ])
    expect(rows).not.toMatch(/Gone|192\.0\.2\.77|person\d|argon2/)
    expect((await auth.register({ email })).user.id).not.toBe(user.id)
  })
})
