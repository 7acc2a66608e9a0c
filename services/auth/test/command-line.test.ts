import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { bareEnvironment } from '@gatepost/testing/environment'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth, TOKEN_SECRET } from './support/auth-server.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

/** Runs a script or process to its end. */
async function run (args: string[], env: Record<string, string | undefined> = {}) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...bareEnvironment, AUTH_DATABASE_URL: auth.database.url, ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk })
  const [code] = await once(child, 'close')
  return { code, output }
}

test('keys are listed, rotated without a 401, and dropped', async () => {
  const { email, accessToken } = await auth.register()
  const listed = await run(['scripts/keys.ts', 'list'])
  expect(listed.output).toMatch(/^[\w-]{43} {2}current/m)
  expect(listed.output).toMatch(/^[\w-]{43} {2}next/m)
  const old = /^([\w-]{43}) {2}current/m.exec(listed.output)![1]!

  expect(await run(['scripts/keys.ts', 'rotate'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('signs from now on')
  })
  const kid = async () =>
    JSON.parse(Buffer.from((await auth.login(email)).body.accessToken.split('.')[0]!, 'base64url').toString()).kid
  await expect.poll(kid, { timeout: 20_000, interval: 500 }).not.toBe(old)
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(200)

  expect((await run(['scripts/keys.ts', 'drop', 'nonsense'])).code).toBe(1)
  expect((await run(['scripts/keys.ts', 'drop', old])).code).toBe(0)
  await expect.poll(async () => (await auth.call('GET', '/api/auth/me', { token: accessToken })).status, {
    timeout: 20_000,
    interval: 500
  }).toBe(401)
}, 120_000)

test('a kid that begins with a dash, as one in 64 does, is no option', async () => {
  expect(await run(['scripts/keys.ts', 'drop', '-'.padEnd(43, 'x')])).toMatchObject({
    code: 1,
    output: expect.stringContaining('name the kid of a retiring key')
  })
})

test('the first administrator is made by the operator, of a confirmed address', async () => {
  const { email, accessToken } = await auth.register()
  expect(await run(['scripts/admin.ts', 'grant', email])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/nobody has confirmed/)
  })
  await auth.sql('UPDATE users SET email_verified_at = now() WHERE email = $1', email)
  expect(await run(['scripts/admin.ts', 'grant', email.toUpperCase()])).toMatchObject({ code: 0 })
  expect((await auth.call('GET', '/api/auth/me', { token: accessToken })).status).toBe(401)
  const { body } = await auth.login(email)
  expect(body.user.role).toBe('admin')
  expect((await auth.call('GET', '/api/auth/users', { token: body.accessToken })).status).toBe(200)
  expect(await run(['scripts/admin.ts', 'grant', 'nobody@example.test'])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/register it first/)
  })
  expect(await run(['scripts/admin.ts'])).toMatchObject({ code: 2, output: expect.stringMatching(/--help/) })
}, 120_000)

test.each([
  ['TOKEN_SECRET', undefined, /TOKEN_SECRET is missing/],
  ['TOKEN_SECRET', 'short-secret', /TOKEN_SECRET is a value of 12 characters \(not shown\)/],
  ['ACCESS_TOKEN_TTL', 'soon', /ACCESS_TOKEN_TTL is "soon": it needs a whole number/],
  [
    'TRUSTED_PROXIES',
    'true',
    /TRUSTED_PROXIES is "true": it needs a comma-separated list of addresses and CIDR ranges/
  ],
  ['TOKEN_SECRET', 'another secret than the keys were stored under', /TOKEN_SECRET is not the one/]
])('a wrong %s (%s) stops the boot with one readable line', async (name, value, message) => {
  const { code, output } = await run(['services/auth/src/server.ts'], {
    AUTH_PORT: '0',
    AUTH_OPS_PORT: '0',
    TOKEN_SECRET,
    [name]: value
  })
  expect(code).toBe(1)
  expect(output).toMatch(message)
  if (value) expect(output.includes(value)).toBe(!/SECRET/.test(name))
}, 60_000)

test('an operator confirms an address', async () => {
  const { email, user } = await auth.register()
  expect(await run(['scripts/admin.ts', 'verify', 'nobody@example.test'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('there is no account')
  })
  expect(await run(['scripts/admin.ts', 'verify', email])).toEqual({ code: 0, output: `${email} is confirmed\n` })
  expect(await auth.sql('SELECT email_verified_at IS NOT NULL AS verified FROM users WHERE id = $1', user.id))
    .toEqual([{ verified: true }])
})

test('an operator prunes the audit trail as the owner of the table, on record; the service may not', async () => {
  const { user } = await auth.register()
  const id = '01900000-0000-7000-8000-00000000000a'
  await auth.sql("INSERT INTO audit_log (id, at, act) VALUES ($1, now() - interval '400 days', 'login')", id)
  const prune = (...rest: string[]) => run(['scripts/admin.ts', 'prune-audit', ...rest], {
    AUTH_MIGRATION_DATABASE_URL: auth.database.ownerUrl
  })
  expect(await prune()).toMatchObject({ code: 1, output: expect.stringContaining('set AUDIT_RETENTION_DAYS') })
  expect(await prune('--days', 'many')).toMatchObject({ code: 2 })
  expect(await run(['scripts/admin.ts', 'prune-audit', '--days', '365'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('only the owner of the tables')
  })
  expect(await prune('--days', '365')).toMatchObject({ code: 0, output: expect.stringMatching(/^1 acts from before/) })
  const acts = await auth.sql('SELECT act, detail FROM audit_log WHERE user_id = $1 OR user_id IS NULL', user.id)
  expect(acts.map(({ act }) => act)).toEqual(expect.arrayContaining(['registered', 'audit-pruned']))
  expect(acts.find(({ act }) => act === 'audit-pruned').detail).toMatchObject({ acts: '1' })
  expect(await auth.sql('SELECT id FROM audit_log WHERE id = $1', id)).toEqual([])
})
