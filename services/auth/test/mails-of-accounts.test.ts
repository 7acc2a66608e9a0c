import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { readMails } from './support/mailbox.ts'

let folder: string
let auth: AuthServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatepost-templates-'))
  await mkdir(join(folder, 'de'))
  await writeFile(join(folder, 'de/verify-email.txt'), 'Subject: Adresse\n\n{{link}}\n')
  await writeFile(join(folder, 'de/account-deleted.txt'), 'Subject: Konto weg\n\nWeg.\n')
  auth = await startAuth({ MAIL_TEMPLATES: folder })
})
afterAll(async () => {
  await auth.close()
  await rm(folder, { recursive: true, force: true })
})

const within = { timeout: 15_000, interval: 100 }
const mailsTo = async (to: string, kind: string) =>
  (await readMails(auth.mailDir)).filter((mail) => mail.to === to && mail.kind === kind)
const login = (email: string, from: string, userAgent: string) =>
  auth.call('POST', '/api/auth/login', {
    body: { email, password: PASSWORD },
    from,
    headers: { 'user-agent': userAgent }
  })

test('the language of a registration, and of a change, is that of the mails from then on', async () => {
  const email = 'sprache@example.test'
  const { body } = await auth.call('POST', '/api/auth/register', {
    body: { email, password: PASSWORD, displayName: 'Ada', language: 'de' }
  })
  expect(body.user.language).toBe('de')
  await expect.poll(async () => (await mailsTo(email, 'verify-email'))[0]?.subject, within).toBe('Adresse')
  const change = (language: unknown) =>
    auth.call('PATCH', '/api/auth/me', { token: body.accessToken, body: { language } })
  expect((await change('nothing of the kind')).status).toBe(400)
  expect((await change(null)).body).toMatchObject({ displayName: 'Ada', language: null })
  expect((await change('de-AT')).body.language).toBe('de-AT')
  await auth.call('POST', '/api/auth/delete-account', { token: body.accessToken, body: { password: PASSWORD } })
  await expect.poll(async () => (await mailsTo(email, 'account-deleted'))[0]?.subject, within).toBe('Konto weg')
  expect(await auth.sql('SELECT count(*)::int AS n FROM users WHERE language IS NOT NULL')).toEqual([{ n: 0 }])
})

test('a login from a new device is told by mail: its time and address, nothing that the client chose', async () => {
  const { email } = await auth.register({ from: '192.0.2.1' })
  await login(email, '192.0.2.1', 'node') // fetch's own name, as the registration had it
  await login(email, '192.0.2.1', 'Firefox/140.0')
  await login(email, '192.0.2.1', 'Firefox/141.0.2')
  await login(email, '198.51.100.7', 'Firefox/141.0.2')
  await login(email, '198.51.100.7', 'Firefox/142.0')
  await expect.poll(async () => (await mailsTo(email, 'new-device')).length, within).toBe(2)
  const texts = (await mailsTo(email, 'new-device')).map(({ text }) => text.replaceAll('\n', ' ')).sort()
  expect(texts).toEqual([
    expect.stringMatching(/at \d{4}-\d\d-\d\d \d\d:\d\d UTC from the address 192\.0\.2\.1,/),
    expect.stringMatching(/from the address 198\.51\.100\.7,/)
  ])
  expect(texts.join()).not.toContain('Firefox')
})

test('the first session of an account, and a login with a wrong password, are told to nobody', async () => {
  const { email } = await auth.register({ from: '192.0.2.9' })
  await auth.login(email, 'not the password', '203.0.113.5')
  const admin = await auth.register({ from: '192.0.2.9' })
  await auth.sql("UPDATE users SET role = 'admin' WHERE id = $1", admin.user.id)
  const { body: { accessToken } } = await auth.login(admin.email, PASSWORD, '192.0.2.9')
  await auth.call('POST', '/api/auth/users', {
    token: accessToken,
    body: { email: 'made@example.test', displayName: 'Made', password: PASSWORD }
  })
  expect((await auth.login('made@example.test', PASSWORD, '203.0.113.6')).status).toBe(200)
  expect(await auth.sql("SELECT count(*)::int AS n FROM jobs WHERE kind = 'new-device'")).toEqual([{ n: 0 }])
  expect(await mailsTo(email, 'new-device')).toEqual([])
  expect(await mailsTo('made@example.test', 'new-device')).toEqual([])
})
