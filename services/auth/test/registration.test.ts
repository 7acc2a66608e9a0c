import { NewDisplayNameSchema } from '@gatepost/contracts/schemas'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

test('a registration answers a session whose token opens the account, and stores the one event', async () => {
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

test('all spellings of an internationalised domain are one; spellings of the local part are not', async () => {
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
])('a name that is invisible or turns the text is 400 at its path: %j', async (displayName) => {
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

test('a megabyte that is no name is judged within a second', () => {
  const pattern = new RegExp(NewDisplayNameSchema.pattern!, 'u')
  const start = performance.now()
  for (const text of [' '.repeat(1e6), `${'a'.repeat(1e6)}\u200b`, `${'a '.repeat(5e5)}\n`]) {
    expect(pattern.test(text)).toBe(false)
  }
  expect(performance.now() - start).toBeLessThan(1_000)
})

test('one of ten registrations of an address at once succeeds', async () => {
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
