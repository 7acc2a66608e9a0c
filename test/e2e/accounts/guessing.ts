import pg from 'pg'
import { Agent, request } from 'undici'
import { beforeAll, expect, test } from 'vitest'
import { plain } from '../client.ts'
import type { AccountStage } from './stage.ts'

/** A login over a connection from another address of this machine. */
async function loginFrom (gatewayUrl: string, localAddress: string, email: string, password: string) {
  const dispatcher = new Agent({ localAddress, connections: 1 })
  const { statusCode, headers, body } = await request(`${gatewayUrl}/api/auth/login`, {
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

/** What somebody learns who logs in to accounts of others. */
export function guessing (started: () => AccountStage) {
  let stage: AccountStage
  beforeAll(() => { stage = started() })

  test('nobody learns by a login who has an account: not by a byte, nor by not hashing', async () => {
    const sql = new pg.Client({ connectionString: stage.system.ownerUrl('auth') })
    const { email: disabled, userId } = await stage.register('Disabled')
    await sql.connect()
    await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [userId]).finally(() => sql.end())
    const emails = { unknown: 'nobody@example.com', wrong: stage.ben.email, disabled }
    const times: Record<string, number[]> = { unknown: [], wrong: [], disabled: [] }
    const answers = new Set<string>()
    for (let round = 0; round < 7; round++) {
      for (const [kind, email] of Object.entries(emails)) {
        const start = performance.now()
        const answer = await stage.login(email, 'not the password')
        times[kind]!.push(performance.now() - start)
        answers.add(JSON.stringify(plain(answer)))
      }
    }
    expect([...answers]).toHaveLength(1)
    // That the times are the same is shown in services/auth with more samples; without a hash it would be a fifth.
    const median = (kind: string) => times[kind]!.sort((a, b) => a - b)[3]!
    for (const kind of ['unknown', 'disabled']) expect(median(kind)).toBeGreaterThan(median('wrong') * 0.4)
  })

  test.each([
    ['an account', '127.0.0.21', () => stage.ben.email],
    ['no account', '127.0.0.22', () => 'nobody-here@example.com']
  ])('who guesses at %s is stopped, and the owner elsewhere is not', async (_, guesser, emailOf) => {
    const from = (address: string, who: string, password: string) =>
      loginFrom(stage.system.gatewayUrl, address, who, password)
    const [email, owner] = [emailOf(), '127.0.0.23']
    for (let guess = 0; guess < 10; guess++) expect((await from(guesser, email, 'guessed wrongly')).status).toBe(401)
    const locked = await from(guesser, email, stage.ben.password)
    expect([locked.status, locked.body.code]).toEqual([429, 'AUTH_TOO_MANY_ATTEMPTS'])
    expect(locked.retryAfter).toBeLessThanOrEqual(60)
    expect((await from(owner, email, stage.ben.password)).status).toBe(email === stage.ben.email ? 200 : 401)
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
    const response = await fetch(`${stage.system.gatewayUrl}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body
    })
    const problem = await response.json() as { errors?: Array<{ path: string }> }
    expect(response.status).toBe(400)
    if (path) expect(problem.errors?.map((error) => error.path)).toContain(path)
  })
}
