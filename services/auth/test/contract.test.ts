import { type ProblemCode, problems } from '@gatepost/contracts/problems'
import { NewDisplayNameSchema } from '@gatepost/contracts/schemas'
import { ProblemError } from '@gatepost/service-kit/problem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const UNKNOWN_ID = '01890a5d-ac96-774b-bcce-b302099a8057'

describe('register', () => {
  test('answers a session whose token opens the account, and stores the one event', async () => {
    const { status, headers, body } = await auth.call('POST', '/api/auth/register', {
      body: { email: 'Ada@Example.test', password: PASSWORD, displayName: 'Ada' }
    })
    expect(status).toBe(201)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toMatchObject({
      user: { email: 'Ada@Example.test', displayName: 'Ada', role: 'user' },
      tokenType: 'Bearer',
      expiresIn: 600
    })
    const me = await auth.call('GET', '/api/auth/me', { token: body.accessToken })
    expect(me).toMatchObject({ status: 200, body: body.user })
    const mine = (await auth.events('user-registered')).filter(({ subject }) => subject === body.user.id)
    expect(mine).toEqual([
      expect.objectContaining({
        aggregateversion: 1,
        data: { userId: body.user.id, displayName: 'Ada', registeredAt: body.user.createdAt }
      })
    ])
    expect(JSON.stringify(mine)).not.toMatch(/example/i)
  })

  test('an address is taken in any case and any normal form, and a refused registration stores nothing', async () => {
    await auth.register({ email: 'j\u00fcrgen@example.test' })
    const before = await auth.sql('SELECT count(*) FROM outbox')
    const again = await auth.call('POST', '/api/auth/register', {
      body: { email: 'JU\u0308RGEN@example.test', password: PASSWORD, displayName: 'x' }
    })
    expect(again).toMatchObject({ status: 409, body: { code: 'AUTH_EMAIL_TAKEN' } })
    expect(await auth.sql('SELECT count(*) FROM outbox')).toEqual(before)
  })

  test('an internationalised domain is one in every spelling; the local part is its own', async () => {
    await auth.register({ email: 'idn@b\u00fccher.example' })
    for (
      const domain of [
        'BU\u0308CHER.example',
        'xn--bcher-kva.example',
        'XN--BCHER-KVA.EXAMPLE',
        'b\u00fccher\u3002example',
        '\uff42\u00fccher.example'
      ]
    ) {
      const again = await auth.call('POST', '/api/auth/register', {
        body: { email: `Idn@${domain}`, password: PASSWORD, displayName: 'x' }
      })
      expect([domain, again.status]).toEqual([domain, 409])
      expect([domain, (await auth.login(`idn@${domain}`)).status]).toEqual([domain, 200])
    }
    await auth.register({ email: 'id\u00f1@b\u00fccher.example' })
    await auth.register({ email: 'idn@bucher.example' })
  })

  test.each([
    '   ',
    '\u200b\u200b',
    '\u3164',
    '\u2800',
    '\u200d',
    '\ufe0f',
    'Ada\u202egnp.exe',
    '\u2066Ada\u2069',
    'A\u200bda',
    'Ada\u00ad',
    '\ufeffAda',
    'Ada\u{e0041}',
    '\u2028Ada',
    '\u3000'
  ])('a name that nobody sees or that turns the text is 400 at its path: %j', async (displayName) => {
    const answer = await auth.call('POST', '/api/auth/register', {
      body: { email: 'unseen@example.test', password: PASSWORD, displayName }
    })
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', errors: [{ path: '/body/displayName' }] }
    })
  })

  test.each([
    'Ada Lovelace',
    ' Ada ',
    '\u827e\u8fbe',
    '\u845b\u{e0100}',
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
    '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
    '\u2764\ufe0f',
    'e\u0301'
  ])('a name in any writing is fine: %j', async (displayName) => {
    expect((await auth.register({ displayName })).user.displayName).toBe(displayName)
  })

  test('a megabyte that is no name is judged at once', () => {
    const pattern = new RegExp(NewDisplayNameSchema.pattern!, 'u')
    const start = performance.now()
    for (const text of [' '.repeat(1e6), `${'a'.repeat(1e6)}\u200b`, `${'a '.repeat(5e5)}\n`]) {
      expect(pattern.test(text)).toBe(false)
    }
    expect(performance.now() - start).toBeLessThan(1_000)
  })

  test('of ten registrations of one address at once exactly one succeeds', async () => {
    const answers = await Promise
      .all(Array.from(
        { length: 10 },
        () =>
          auth.call('POST', '/api/auth/register', {
            body: { email: 'race@example.test', password: PASSWORD, displayName: 'x' }
          })
      ))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
  })

  test('a role or any other member that is not in the contract is refused, not ignored', async () => {
    const { status, body } = await auth.call('POST', '/api/auth/register', {
      body: { email: 'r@example.test', password: PASSWORD, displayName: 'x', role: 'admin' }
    })
    expect(status).toBe(400)
    expect(body.errors).toEqual([{ path: '/body/role', message: expect.any(String) }])
  })

  test.each([
    ['operator objects', { email: { startsWith: '' }, password: PASSWORD, displayName: 'x' }],
    ['NUL in the password', { email: 'n@example.test', password: 'long enough \u0000 password', displayName: 'x' }],
    [
      'a lone surrogate in the name',
      '{"email":"n@example.test","password":"a long enough one","displayName":"\\ud800"}'
    ],
    ['an address that is none', { email: 'nobody', password: PASSWORD, displayName: 'x' }]
  ])('%s: 400', async (_name, body) => {
    expect(await auth.call('POST', '/api/auth/register', { body })).toMatchObject({
      status: 400,
      body: { status: 400 }
    })
  })
})

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

  test('1024 bytes are a password, 1025 are not', async () => {
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
  test('without a token it is 401 with a challenge, before anything else is judged', async () => {
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

  test('renames at once get versions without a gap', async () => {
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
  test('ends the sessions, tells it with a final event, frees the address and forgets the person', async () => {
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

describe('jwks', () => {
  test('is public, cacheable, and holds the public halves of the current and the next key', async () => {
    const { status, headers, body } = await auth.call('GET', '/.well-known/jwks.json')
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
    expect(body.keys).toHaveLength(2)
    for (const key of body.keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
  })
})
