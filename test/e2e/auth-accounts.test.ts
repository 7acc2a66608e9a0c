import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bareEnvironment } from '@gatepost/testing/environment'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import pg from 'pg'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register, type Account, type Answer } from './client.ts'
import { mailsIn } from './mailbox.ts'
import { RawSubscriber } from './raw-nats.ts'
import { prepareSecond, root, type SecondProcess } from './second-process.ts'

const LIMITS = { RATE_LIMIT_MAX: '1000000', SENSITIVE_RATE_LIMIT_MAX: '100000' }
const PASSWORD = 'violet tram 92 over Dresden'
let system: System
/** Auth with REQUIRE_EMAIL_VERIFICATION beside the other, and the gateway in front of it. */
let verifyingAuth: SecondProcess
let verifying: SecondProcess
let subscriber: RawSubscriber
let ada: Account
let ben: Account
let mails: ReturnType<typeof mailsIn>

beforeAll(async () => {
  system = await startSystem({ env: LIMITS })
  verifyingAuth = await prepareSecond(system, 'auth', { env: { REQUIRE_EMAIL_VERIFICATION: 'true' } })
  verifying = await prepareSecond(system, 'gateway', { env: { ...LIMITS, AUTH_URL: verifyingAuth.url } })
  verifyingAuth.start()
  verifying.start()
  subscriber = await RawSubscriber.connect(system.natsUrl, 'events.>')
  mails = mailsIn(system.dataDir)
  ada = await register(system.gatewayUrl, 'Ada')
  ben = await register(system.gatewayUrl, 'Ben')
  await Promise.all([verifyingAuth.ready(), verifying.ready()])
}, 60_000)
afterAll(async () => {
  subscriber?.close()
  await Promise.all([verifying?.kill(), verifyingAuth?.kill()])
  await system?.stop()
})

const post = (path: string, options: Parameters<typeof call>[3] = {}) => call(system.gatewayUrl, 'POST', path, options)
const get = (path: string, token: string) => call(system.gatewayUrl, 'GET', path, { token })
const login = (email: string, password: string, headers?: Record<string, string>) =>
  post('/api/auth/login', { body: { email, password }, headers })
const dead = (...tokens: string[]) =>
  eventually(async () => {
    for (const gateway of [system.gatewayUrl, verifying.url]) {
      for (const token of tokens) {
        expect((await call(gateway, 'GET', '/api/posts', { token })).status).toBe(401)
      }
    }
  })
const codes = ({ status, body }: Answer) => [status, body.code]

/** A login over a connection from another address of this machine. */
async function loginFrom (localAddress: string, email: string, password: string) {
  const dispatcher = new Agent({ localAddress, connections: 1 })
  const { statusCode, headers, body } = await request(`${system.gatewayUrl}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
    dispatcher
  })
  const answer = {
    status: statusCode,
    retryAfter: Number(headers['retry-after']),
    body: await body.json() as { code?: string }
  }
  await dispatcher.close()
  return answer
}

async function script (...args: string[]) {
  const env = {
    ...bareEnvironment,
    AUTH_DATABASE_URL: system.databaseUrl('auth'),
    TOKEN_SECRET: await system.tokenSecret()
  }
  return promisify(execFile)(process.execPath, args.map((arg, index) => index === 0 ? join(root, arg) : arg), { env })
}

/** An answer without what is different each time by its nature. */
function plain ({ status, headers, body }: Answer) {
  const changing = ['date', 'x-request-id', 'ratelimit', 'etag']
  return {
    status,
    body: { ...body, requestId: '' },
    headers: [...headers].filter(([name]) => !changing.includes(name))
  }
}

test('sessions are listed with device and address; one that is deleted ends everywhere and keeps its reason', async () => {
  const { body: phone } = await login(ada.email, ada.password, { 'user-agent': 'Phone/1.0' })
  const { body: { items } } = await get('/api/auth/sessions', ada.accessToken)
  expect(items).toHaveLength(2)
  expect(items.find(({ id }: { id: string }) => id === phone.sessionId)).toMatchObject({
    userAgent: 'Phone/1.0',
    ipAddress: '127.0.0.1',
    current: false,
    endReason: null
  })
  expect(items.find(({ id }: { id: string }) => id === ada.sessionId)).toMatchObject({ current: true })
  const end = (token: string) => call(system.gatewayUrl, 'DELETE', `/api/auth/sessions/${phone.sessionId}`, { token })
  expect(codes(await end(ben.accessToken))).toEqual([404, 'AUTH_SESSION_NOT_FOUND'])
  expect((await end(ada.accessToken)).status).toBe(204)
  await dead(phone.accessToken)
  const ended = await get('/api/auth/sessions?ended=true', ada.accessToken)
  expect(ended.body.items).toMatchObject([{
    id: phone.sessionId,
    endReason: 'ended',
    endedAt: expect.stringMatching(/Z$/)
  }])
})

test.each([
  ['short', /at least 8 characters/],
  ['Summer2025', /usual substitutions or endings/],
  ['sunshine1', /common/],
  ['weak@example.com', /e-mail/],
  ['Weak Person', /display name/],
  ['ababababab', /repeats/]
])('the password %s is 422 with the reason', async (password, reason) => {
  const answer = await post('/api/auth/register', {
    body: { email: 'weak@example.com', password, displayName: 'Weak Person' }
  })
  expect(codes(answer)).toEqual([422, 'AUTH_WEAK_PASSWORD'])
  expect(answer.body.errors).toContainEqual({ path: '/body/password', message: expect.stringMatching(reason) })
})

test('a changed password ends the other sessions and is the whole of what was typed', async () => {
  const account = await register(system.gatewayUrl, 'Long')
  const { body: other } = await login(account.email, account.password)
  const newPassword = `${'é'.repeat(505)} end of it` // 1020 bytes
  const change = (currentPassword: string) =>
    post('/api/auth/change-password', { token: account.accessToken, body: { currentPassword, newPassword } })
  expect(codes(await change('not the password'))).toEqual([403, 'AUTH_WRONG_PASSWORD'])
  expect((await change(account.password)).status).toBe(204)
  await dead(other.accessToken)
  expect((await get('/api/auth/me', account.accessToken)).status).toBe(200)
  for (const wrong of [account.password, newPassword.slice(0, -1), `${newPassword} `]) {
    expect(codes(await login(account.email, wrong))).toEqual([401, 'AUTH_INVALID_CREDENTIALS'])
  }
  expect((await login(account.email, newPassword)).status).toBe(200)
})

test('nobody learns by a login who has an account: not by a byte, nor by not hashing', async () => {
  const sql = new pg.Client({ connectionString: system.ownerUrl('auth') })
  const { email: disabled, userId } = await register(system.gatewayUrl, 'Disabled')
  await sql.connect()
  await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [userId]).finally(() => sql.end())
  const emails = { unknown: 'nobody@example.com', wrong: ben.email, disabled }
  const times: Record<string, number[]> = { unknown: [], wrong: [], disabled: [] }
  const answers = new Set<string>()
  for (let round = 0; round < 7; round++) {
    for (const [kind, email] of Object.entries(emails)) {
      const start = performance.now()
      const answer = await login(email, 'not the password')
      times[kind]!.push(performance.now() - start)
      answers.add(JSON.stringify(plain(answer)))
    }
  }
  expect([...answers]).toHaveLength(1)
  // That the times are the same is shown in services/auth with more samples; without a hash it would be a fifth.
  const median = (kind: string) => times[kind]!.sort((a, b) => a - b)[3]!
  for (const kind of ['unknown', 'disabled']) expect(median(kind)).toBeGreaterThan(median('wrong') * 0.4)
})

test('a taken address is 409, or with REQUIRE_EMAIL_VERIFICATION 202 for everybody and only the mail tells', async () => {
  const body = { email: ada.email.toUpperCase(), password: PASSWORD, displayName: 'Again' }
  expect(codes(await post('/api/auth/register', { body }))).toEqual([409, 'AUTH_EMAIL_TAKEN'])
  const enter = (email: string) => call(verifying.url, 'POST', '/api/auth/register', { body: { ...body, email } })
  const [taken, free] = [await enter(ada.email), await enter('free@example.com')]
  expect(plain(taken)).toEqual(plain(free))
  expect(taken.status).toBe(202)
  expect(await mails(ada.email, 'address-in-use')).toEqual([''])
  const [token] = await mails('free@example.com', 'confirm-registration')
  expect((await login('free@example.com', PASSWORD)).status).toBe(401)
  const confirm = () => call(verifying.url, 'POST', '/api/auth/verify-email', { body: { token, password: PASSWORD } })
  expect([(await confirm()).status, codes(await confirm())]).toEqual([204, [400, 'AUTH_INVALID_EMAIL_TOKEN']])
  expect((await login('free@example.com', PASSWORD)).status).toBe(200)
})

test.each([['an account', '127.0.0.21', () => ben.email], [
  'no account',
  '127.0.0.22',
  () => 'nobody-here@example.com'
]])('who guesses at %s is stopped, and the owner elsewhere is not', async (_, guesser, emailOf) => {
  const [email, owner] = [emailOf(), '127.0.0.23']
  for (let guess = 0; guess < 10; guess++) expect((await loginFrom(guesser, email, 'guessed wrongly')).status).toBe(401)
  const locked = await loginFrom(guesser, email, ben.password)
  expect([locked.status, locked.body.code]).toEqual([429, 'AUTH_TOO_MANY_ATTEMPTS'])
  expect(locked.retryAfter).toBeLessThanOrEqual(60)
  expect((await loginFrom(owner, email, ben.password)).status).toBe(email === ben.email ? 200 : 401)
})

test('a forgotten password is chosen anew by one of ten uses of the link at once; all sessions end everywhere', async () => {
  const account = await register(system.gatewayUrl, 'Forgetful')
  expect((await post('/api/auth/verify-email', { body: { token: (await mails(account.email, 'verify-email'))[0] } }))
    .status).toBe(204)
  const forgot = (email: string) => post('/api/auth/forgot-password', { body: { email } })
  expect(plain(await forgot(account.email))).toEqual(plain(await forgot('stranger@example.com')))
  const [token] = await mails(account.email, 'reset-password')
  const answers = await Promise
    .all(Array.from(
      { length: 10 },
      (_, index) => post('/api/auth/reset-password', { body: { token, newPassword: `${PASSWORD} ${index}` } })
    ))
  expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(400)])
  await dead(account.accessToken)
  const opened = await Promise.all(answers.map((_, index) => login(account.email, `${PASSWORD} ${index}`)))
  expect(opened.map(({ status }) => status === 200)).toEqual(answers.map(({ status }) => status === 204))
  await mails(account.email, 'password-changed')
  await mails('stranger@example.com', 'reset-password', 0)
})

test('a role takes effect at once: an administrator lists, disables, deletes any post; everybody else may not', async () => {
  const [chief, victim] = [await register(system.gatewayUrl, 'Chief'), await register(system.gatewayUrl, 'Victim')]
  expect(codes(await get('/api/auth/users', chief.accessToken))).toEqual([403, 'FORBIDDEN'])
  await script('scripts/admin.ts', 'grant', '--unverified', chief.email)
  await dead(chief.accessToken)
  const { body: { accessToken: token, user } } = await login(chief.email, chief.password)
  expect(user.role).toBe('admin')
  expect((await get('/api/auth/users?limit=100', token)).body.items.map(({ id }: { id: string }) => id))
    .toEqual(expect.arrayContaining([chief.userId, victim.userId]))
  const written = await post('/api/posts', { token: victim.accessToken, body: { title: 'Mine', content: 'text' } })
  const remove = (by: string) => call(system.gatewayUrl, 'DELETE', `/api/posts/${written.body.id}`, { token: by })
  expect([(await remove(ben.accessToken)).status, (await remove(token)).status]).toEqual([403, 204])
  const manage = (body: object, by = token) =>
    call(system.gatewayUrl, 'PATCH', `/api/auth/users/${victim.userId}`, { token: by, body })
  expect((await manage({ disabled: true }, ben.accessToken)).status).toBe(403)
  expect((await manage({ disabled: true })).status).toBe(200)
  await dead(victim.accessToken)
  expect(codes(await login(victim.email, victim.password))).toEqual([401, 'AUTH_INVALID_CREDENTIALS'])

  const audit = await call(system.gatewayUrl, 'GET', `/api/auth/audit?userId=${victim.userId}&limit=100`, { token })
  expect(audit.body.items.map(({ act }: { act: string }) => act))
    .toEqual(expect.arrayContaining(['registered', 'disabled', 'login-failed']))
  expect(codes(await get(`/api/auth/audit?userId=${victim.userId}`, ben.accessToken))).toEqual([403, 'FORBIDDEN'])
})

test('what one did is in one’s audit trail with the id of the request, and the service cannot change the trail', async () => {
  await login(ben.email, 'not the password', { 'x-request-id': 'an-id-of-my-own' })
  const { body: { items } } = await get('/api/auth/audit', ben.accessToken)
  expect(items[0]).toMatchObject({
    act: 'login-failed',
    userId: ben.userId,
    requestId: 'an-id-of-my-own',
    ipAddress: '127.0.0.1'
  })
  expect(new Set(items.map(({ userId }: { userId: string }) => userId))).toEqual(new Set([ben.userId]))
  const sql = new pg.Client({
    connectionString: system.databaseUrl('auth'),
    options: '-c search_path=public -c statement_timeout=5s'
  })
  await sql.connect()
  for (const statement of ["UPDATE audit_log SET act = 'x'", 'DELETE FROM audit_log', 'TRUNCATE audit_log']) {
    await expect(sql.query(statement)).rejects.toThrow(/permission denied/)
  }
  await sql.end()
})

test('a deleted account is gone with its sessions, and its address is free; the password is asked for', async () => {
  const account = await register(system.gatewayUrl, 'Leaving')
  const { body: other } = await login(account.email, account.password)
  const leave = (password: string) =>
    post('/api/auth/delete-account', { token: account.accessToken, body: { password } })
  expect(codes(await leave('not the password'))).toEqual([403, 'AUTH_WRONG_PASSWORD'])
  expect((await leave(account.password)).status).toBe(204)
  await dead(account.accessToken, other.accessToken)
  await eventually(() =>
    expect(subscriber.messages.some(({ subject, body }) =>
      subject === 'events.auth.user-deleted.v1' && body.includes(account.userId)
    )).toBe(true)
  )
  expect((await post('/api/auth/register', { body: { email: account.email, password: PASSWORD, displayName: 'New' } }))
    .status).toBe(201)
})

test.each([
  ['{"email":{"$ne":null},"password":"x"}', '/body/email'],
  ['{"email":["a@example.com"],"password":"x"}', '/body/email'],
  ['{"email":"a@example.com","password":1}', '/body/password'],
  ['{"email":"a@example.com","password":"a\\u0000b"}', '/body/password'],
  ['{"email":"a@example.com","password":"\\ud800"}', '/body/password'],
  ['{"email":"a\\u0000@example.com","password":"x"}', '/body/email'],
  ['{"email":"a@example.com","password":"x","role":"admin"}', '/body/role'],
  ['{"email":"a@example.com","email":"b@example.com","password":"x"}', '/body/email'],
  ['{"email":"a@example.com","password":"x","__proto__":{"role":"admin"}}', undefined]
])('a login with %s is 400', async (body, path) => {
  const response = await fetch(`${system.gatewayUrl}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body
  })
  const problem = await response.json() as { errors?: Array<{ path: string }> }
  expect(response.status).toBe(400)
  if (path) expect(problem.errors?.map((error) => error.path)).toContain(path)
})

test('one address is one account in whatever Unicode form it is written', async () => {
  const spelled = (form: 'NFC' | 'NFD') => ({
    email: 'ZOË@example.com'.normalize(form),
    password: PASSWORD,
    displayName: 'Zoe'
  })
  expect((await post('/api/auth/register', { body: spelled('NFC') })).status).toBe(201)
  expect(codes(await post('/api/auth/register', { body: spelled('NFD') }))).toEqual([409, 'AUTH_EMAIL_TAKEN'])
  expect((await login('zoë@example.com'.normalize('NFD'), PASSWORD)).status).toBe(200)
})

test('no password, address or mailed token is in an event or a log', async () => {
  const folder = join(system.dataDir, 'mail')
  const texts = await Promise
    .all((await readdir(folder)).filter((file) => file.endsWith('.txt')).map((file) =>
      readFile(join(folder, file), 'utf8')
    ))
  const tokens = texts.map((text) => /[#?]token=([\w-]+)/.exec(text)?.[1]).filter((token) => token !== undefined)
  expect(tokens.length).toBeGreaterThan(5)
  const told = [
    ...system.output.values(),
    verifyingAuth.output,
    verifying.output,
    ...subscriber.messages.map(({ body, headers }) => body + headers)
  ].join('\n')
  expect(told).toContain('mail written')
  for (const secret of [...tokens, PASSWORD, ada.password, ada.email, ada.refreshToken, 'free@example.com']) {
    expect(told.includes(secret)).toBe(false)
  }
})
