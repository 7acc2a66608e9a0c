import { beforeAll, expect, test } from 'vitest'
import { call, codes, plain } from '../client.ts'
import { type AccountStage, PASSWORD } from './stage.ts'

/** One address is one account, and only its mailbox tells whether it has one. */
export function addresses (started: () => AccountStage) {
  let stage: AccountStage
  beforeAll(() => { stage = started() })

  test('a taken address is 409', async () => {
    const body = { email: stage.ada.email.toUpperCase(), password: PASSWORD, displayName: 'Again' }
    expect(codes(await stage.post('/api/auth/register', { body }))).toEqual([409, 'AUTH_EMAIL_TAKEN'])
  })

  test('with REQUIRE_EMAIL_VERIFICATION a taken address is 202 as any other, and only its mail tells', async () => {
    const body = { password: PASSWORD, displayName: 'Again' }
    const enter = (email: string) =>
      call(stage.verifying.url, 'POST', '/api/auth/register', { body: { ...body, email } })
    const [taken, free] = [await enter(stage.ada.email), await enter('free@example.com')]
    expect(plain(taken)).toEqual(plain(free))
    expect(taken.status).toBe(202)
    expect(await stage.mails(stage.ada.email, 'address-in-use')).toEqual([''])
    const [token] = await stage.mails('free@example.com', 'confirm-registration')
    expect((await stage.login('free@example.com', PASSWORD)).status).toBe(401)
    const confirm = () =>
      call(stage.verifying.url, 'POST', '/api/auth/verify-email', { body: { token, password: PASSWORD } })
    expect([(await confirm()).status, codes(await confirm())]).toEqual([204, [400, 'AUTH_INVALID_EMAIL_TOKEN']])
    expect((await stage.login('free@example.com', PASSWORD)).status).toBe(200)
  })

  test('one address is one account in whatever Unicode form it is written', async () => {
    const spelled = (form: 'NFC' | 'NFD') => ({
      email: 'ZOË@example.com'.normalize(form),
      password: PASSWORD,
      displayName: 'Zoe'
    })
    expect((await stage.post('/api/auth/register', { body: spelled('NFC') })).status).toBe(201)
    expect(codes(await stage.post('/api/auth/register', { body: spelled('NFD') }))).toEqual([409, 'AUTH_EMAIL_TAKEN'])
    expect((await stage.login('zoë@example.com'.normalize('NFD'), PASSWORD)).status).toBe(200)
  })
}
