import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

const WRONG = 'certainly not it'
let host = 0
/** An address that no other test of this file uses. */
const newAddress = () => `198.51.${100 + (++host >> 8)}.${host & 255}`
/** Makes locks and failures this many seconds older. */
const age = (seconds: number) =>
  auth.sql(
    `UPDATE login_attempts SET locked_until = locked_until - $1 * interval '1 second',
      updated_at = updated_at - $1 * interval '1 second'`,
    seconds
  )

async function fail (email: string, from: string, times = 10) {
  const statuses: number[] = []
  for (let attempt = 0; attempt < times; attempt++) statuses.push((await auth.login(email, WRONG, from)).status)
  return statuses
}

test.each(['an account', 'an address without an account'])(
  'after ten failures %s is 429 with Retry-After, also with the right password',
  async (which) => {
    const from = newAddress()
    const email = which === 'an account' ? (await auth.register()).email : 'nobody-at-all@example.test'
    expect(await fail(email, from)).toEqual(Array(10).fill(401))
    for (const password of [PASSWORD, WRONG]) {
      const { status, headers, body } = await auth.login(email, password, from) as any
      expect(status).toBe(429)
      expect(body.code).toBe('AUTH_TOO_MANY_ATTEMPTS')
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(50)
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
    }
  }
)

test('at most ten of forty guesses at once are answered', async () => {
  const { email } = await auth.register()
  const from = newAddress()
  const answers = await Promise.all(Array.from({ length: 40 }, () => auth.login(email, WRONG, from)))
  const count = (status: number) => answers.filter((answer) => answer.status === status).length
  // A busy machine may refuse some with 503, which tells nothing about the password.
  expect(count(401) + count(429) + count(503)).toBe(40)
  if (count(503) === 0) expect(count(401)).toBe(10)
  expect(count(401)).toBeLessThanOrEqual(10)
})

test('the owner at another address is let in while a guesser is locked out', async () => {
  const { email } = await auth.register({ from: newAddress() })
  const guesser = newAddress()
  await fail(email, guesser)
  expect((await auth.login(email, PASSWORD, guesser)).status).toBe(429)
  expect((await auth.login(email, PASSWORD, newAddress())).status).toBe(200)
})

test(
  'against guessers at many addresses the account is locked for 60 s at most, and then lets a whole round through',
  async () => {
    const home = newAddress()
    const { email } = await auth.register({ from: home })
    for (let network = 0; network < 5; network++) await fail(email, newAddress())
    const stranger = newAddress()
    const { status, headers } = await auth.login(email, PASSWORD, stranger)
    expect(status).toBe(429)
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60)
    // In a network that the owner has used, the attack does not count.
    expect((await auth.login(email, PASSWORD, home)).status).toBe(200)
    await age(60)
    await fail(email, newAddress(), 9)
    expect((await auth.login(email, PASSWORD, stranger)).status).toBe(200)
    // The lock of another round is no longer than the first.
    for (let network = 0; network < 5; network++) await fail(email, newAddress())
    const again = await auth.login(email, PASSWORD, newAddress())
    expect(again.status).toBe(429)
    expect(Number(again.headers.get('retry-after'))).toBeLessThanOrEqual(60)
  },
  120_000
)

test('the delay of a guesser grows, and a success forgets the failures', async () => {
  const { email } = await auth.register()
  const from = newAddress()
  await fail(email, from)
  const waits: number[] = []
  for (let round = 0; round < 4; round++) {
    const { headers } = await auth.login(email, WRONG, from)
    const wait = Number(headers.get('retry-after'))
    waits.push(wait)
    await age(wait)
    expect((await auth.login(email, WRONG, from)).status).toBe(401)
  }
  expect(waits).toEqual([60, 120, 240, 480])
  await age(960)
  expect((await auth.login(email, PASSWORD, from)).status).toBe(200)
  expect(await fail(email, from, 9)).toEqual(Array(9).fill(401))
})

test('a network that tries many accounts is stopped, and its neighbours are not', async () => {
  const from = newAddress()
  const { email } = await auth.register()
  for (let account = 0; account < 20; account++) {
    await Promise.all(Array.from({ length: 5 }, () => auth.login(`victim${account}@example.test`, WRONG, from)))
  }
  expect((await auth.login(email, PASSWORD, from)).status).toBe(429)
  expect((await auth.login(email, PASSWORD, newAddress())).status).toBe(200)
})

test('an IPv6 client does not get a new counter from another address in its /64', async () => {
  const { email } = await auth.register()
  for (let attempt = 0; attempt < 10; attempt++) await auth.login(email, WRONG, `2001:db8:1:2::${attempt}`)
  expect((await auth.login(email, PASSWORD, '2001:db8:1:2:ffff::1')).status).toBe(429)
  expect((await auth.login(email, PASSWORD, '2001:db8:1:3::1')).status).toBe(200)
})

test.each([
  ['change-password', { currentPassword: WRONG, newPassword: 'a new one for the tram' }, {
    currentPassword: PASSWORD,
    newPassword: 'a new one for the tram'
  }],
  ['delete-account', { password: WRONG }, { password: PASSWORD }]
])('wrong passwords at %s count as well', async (path, wrong, right) => {
  const from = newAddress()
  const { email, accessToken } = await auth.register({ from })
  const call = (body: object) => auth.call('POST', `/api/auth/${path}`, { token: accessToken, body, from })
  for (let attempt = 0; attempt < 10; attempt++) expect((await call(wrong)).status).toBe(403)
  expect(await call(right)).toMatchObject({ status: 429, body: { code: 'AUTH_TOO_MANY_ATTEMPTS' } })
  expect((await auth.login(email, PASSWORD, from)).status).toBe(429)
})

test('no address and no account can be read from the counters', async () => {
  await fail('very-recognisable@example.test', '203.0.113.99', 1)
  const rows = await auth.sql('SELECT * FROM login_attempts')
  expect(rows.map((row) => JSON.stringify(row) + Buffer.from(row.key).toString('latin1')).join()).not
    .toMatch(/recognisable|203\.0\.113/)
})

test('a database whose clock is set back lengthens no lockout', async () => {
  const { email } = await auth.register()
  const from = newAddress()
  await fail(email, from)
  expect((await auth.login(email, PASSWORD, from)).status).toBe(429)
  await age(-3_600)
  expect((await auth.login(email, PASSWORD, from)).status).toBe(200)
})
