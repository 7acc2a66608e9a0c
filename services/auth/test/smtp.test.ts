import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { mailsDone } from './support/mailbox.ts'
import { startSmtpServer } from './support/smtp-server.ts'

let auth: AuthServer
let smtp: Awaited<ReturnType<typeof startSmtpServer>>
beforeAll(async () => {
  smtp = await startSmtpServer()
  auth = await startAuth({ SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, MAIL_FROM: 'Gatepost <post@example.test>' })
})
afterAll(async () => {
  await auth.close()
  await smtp.down()
})
beforeEach(async () => {
  await mailsDone(auth)
  smtp.received = []
  smtp.refuse = () => undefined
})

const forgot = (email: string) => auth.call('POST', '/api/auth/forgot-password', { body: { email } })
const outcomes = async (outcome: string) =>
  Number(new RegExp(`^gatepost_auth_mails_total\\{.*outcome="${outcome}".*\\} (\\d+)$`, 'm')
    .exec(await auth.metrics())![1])

/** Runs postponed mails now: the job of an unknown address wakes the worker. */
async function tryAgain () {
  await auth.sql('UPDATE jobs SET run_at = now() WHERE failed_at IS NULL')
  await forgot('nobody@example.test')
}
/** The waiting job, once it was postponed this many times since `before`. */
async function postponed (times: number, before: number) {
  await expect.poll(() => outcomes('postponed')).toBe(before + times)
  return (await auth.sql('SELECT attempts, last_error FROM jobs WHERE failed_at IS NULL ORDER BY attempts DESC'))[0]
}

test('a mail goes through SMTP as text and HTML, after a refusal too', async () => {
  let refusals = 1
  smtp.refuse = (command) => /^DATA/i.test(command) && refusals-- > 0 ? '451 not now, person@example.test' : undefined
  const before = await outcomes('postponed')
  const { email } = await auth.register()
  expect(await postponed(1, before)).toEqual({ attempts: 1, last_error: 'EENVELOPE 451 DATA' })
  expect(smtp.received).toEqual([])
  await tryAgain()
  await expect.poll(() => smtp.received.length).toBe(1)
  expect(smtp.received[0]).toContain(`To: ${email}`)
  expect(smtp.received[0]).toContain('From: Gatepost <post@example.test>')
  expect(smtp.received[0]).toMatch(/text\/plain[^]*text\/html/)
  await mailsDone(auth)
})

test('an outage of the mail server loses no reset mail and blocks no new one', async () => {
  const { email } = await auth.register()
  await mailsDone(auth)
  smtp.received = []
  await smtp.down()
  const before = await outcomes('postponed')
  await forgot(email)
  // The number of tries within five minutes.
  for (let attempt = 1; attempt <= 6; attempt++) {
    expect(await postponed(attempt, before)).toMatchObject({
      attempts: attempt,
      last_error: expect.stringMatching(/^E/)
    })
    if (attempt < 6) await tryAgain()
  }
  await smtp.up()
  await tryAgain()
  await expect.poll(() => smtp.received.length).toBe(1)
  await forgot(email)
  await expect.poll(() => smtp.received.length).toBe(2)
  const [, token] = /[#?]token=3D([\w-]+)/.exec(smtp.received[0]!.replaceAll('=\r\n', ''))!
  const body = { token, newPassword: 'another tram, another town 7' }
  expect((await auth.call('POST', '/api/auth/reset-password', { body })).status).toBe(204)
})

test('a mail that is refused for good is given up at once, in metric, row and trail without its address', async () => {
  const { email, user, accessToken } = await auth.register()
  await mailsDone(auth)
  smtp.refuse = (command) => /^RCPT/i.test(command) ? `550 no such user <${email}>` : undefined
  const before = await outcomes('given_up')
  await forgot(email)
  await expect.poll(() => outcomes('given_up')).toBe(before + 1)
  const rows = () => auth.sql('SELECT kind, payload, last_error FROM jobs WHERE failed_at IS NOT NULL')
  await expect.poll(rows).toEqual([{ kind: 'forgot-password', payload: {}, last_error: 'EENVELOPE 550 RCPT TO' }])
  const trail = (await auth.call('GET', '/api/auth/audit', { token: accessToken })).body.items
  expect(trail[0]).toMatchObject({ act: 'mail-given-up', userId: user.id, detail: { kind: 'forgot-password' } })
})

test('mails that were not sent do not count among the five of an hour', async () => {
  const { email } = await auth.register()
  await mailsDone(auth)
  smtp.received = []
  smtp.refuse = (command) => /^RCPT/i.test(command) ? '550 not today' : undefined
  const before = await outcomes('given_up')
  for (let mail = 1; mail <= 5; mail++) {
    await forgot(email)
    await expect.poll(() => outcomes('given_up')).toBe(before + mail)
  }
  smtp.refuse = () => undefined
  await forgot(email)
  await expect.poll(() => smtp.received.length).toBe(1)
})

test('a mail that nobody takes for a day is given up', async () => {
  const { email } = await auth.register()
  await mailsDone(auth)
  smtp.refuse = (command) => /^MAIL/i.test(command) ? '451 not now' : undefined
  const postponedBefore = await outcomes('postponed')
  await forgot(email)
  await postponed(1, postponedBefore)
  await auth.sql("UPDATE jobs SET created_at = created_at - interval '25 hours' WHERE failed_at IS NULL")
  const before = await outcomes('given_up')
  await tryAgain()
  await expect.poll(() => outcomes('given_up')).toBe(before + 1)
})

test('waiting mails of an account are deleted with it', async () => {
  const { email, accessToken } = await auth.register()
  await mailsDone(auth)
  smtp.refuse = (command) => /^MAIL/i.test(command) ? '451 not now' : undefined
  const before = await outcomes('postponed')
  await forgot(email.toUpperCase())
  await postponed(1, before)
  expect((await auth.call('POST', '/api/auth/delete-account', { token: accessToken, body: { password: PASSWORD } }))
    .status).toBe(204)
  const rows = await auth.sql('SELECT kind, payload FROM jobs WHERE failed_at IS NULL')
  const payload = { to: email, language: null }
  expect(rows, 'only the mail that says so').toEqual([{ kind: 'account-deleted', payload }])
  await postponed(2, before)
  smtp.refuse = () => undefined
  await tryAgain()
  await mailsDone(auth)
  expect(smtp.received.filter((mail) => mail.includes('Subject: Your account was deleted'))).toHaveLength(1)
})

test('mails are sent several at once, over a few connections that stay', async () => {
  let [underWay, most] = [0, 0]
  const arrived: Array<() => void> = []
  // The server takes no mail before all connections have one.
  smtp.hold = async () => {
    most = Math.max(most, ++underWay)
    if (underWay < 4) await new Promise<void>((resolve) => arrived.push(resolve))
    for (const resolve of arrived.splice(0)) resolve()
    underWay--
  }
  smtp.connections = 0
  await Promise.all(Array.from({ length: 12 }, () => auth.register()))
  await expect.poll(() => smtp.received.length).toBe(12)
  smtp.hold = async () => {}
  expect(most).toBe(4)
  expect(smtp.connections).toBeLessThanOrEqual(4)
})

test('/ready says when mails reach nobody, and when they have nowhere to go at all', async () => {
  const mailCheck = async (server: AuthServer) => (await server.call('GET', '/ready')).body.checks.mail
  expect(await mailCheck(auth)).toEqual({ status: 'up' })
  const servers = await Promise.all([startAuth(), startAuth({ MAIL_DIR: '/dev/null/mail' })])
  try {
    expect(await mailCheck(servers[0])).toEqual({ status: 'up', detail: expect.stringContaining('no SMTP_URL') })
    expect(await mailCheck(servers[1])).toEqual({ status: 'degraded', detail: expect.stringContaining('MAIL_DIR') })
    expect((await servers[1].call('GET', '/ready')).status).toBe(200)
  } finally {
    for (const server of servers) await server.close()
  }
})
