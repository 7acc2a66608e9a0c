import { beforeAll, expect, test } from 'vitest'
import { codes, plain } from '../client.ts'
import { type AccountStage, PASSWORD } from './stage.ts'

/** How passwords are chosen, changed and forgotten. */
export function passwords (started: () => AccountStage) {
  let stage: AccountStage
  beforeAll(() => { stage = started() })

  test.each([
    ['short', /at least 8 characters/],
    ['Summer2025', /usual substitutions or endings/],
    ['sunshine1', /common/],
    ['weak@example.com', /e-mail/],
    ['Weak Person', /display name/],
    ['ababababab', /repeats/]
  ])('the password %s is 422 with the reason', async (password, reason) => {
    const answer = await stage.post('/api/auth/register', {
      body: { email: 'weak@example.com', password, displayName: 'Weak Person' }
    })
    expect(codes(answer)).toEqual([422, 'AUTH_WEAK_PASSWORD'])
    expect(answer.body.errors).toContainEqual({ path: '/body/password', message: expect.stringMatching(reason) })
  })

  test('a changed password ends the other sessions and is the whole of what was typed', async () => {
    const account = await stage.register('Long')
    const { body: other } = await stage.login(account.email, account.password)
    const newPassword = `${'é'.repeat(505)} end of it` // 1020 bytes
    const change = (currentPassword: string) =>
      stage.post('/api/auth/change-password', { token: account.accessToken, body: { currentPassword, newPassword } })
    expect(codes(await change('not the password'))).toEqual([403, 'AUTH_WRONG_PASSWORD'])
    expect((await change(account.password)).status).toBe(204)
    await stage.dead(other.accessToken)
    expect((await stage.get('/api/auth/me', account.accessToken)).status).toBe(200)
    for (const wrong of [account.password, newPassword.slice(0, -1), `${newPassword} `]) {
      expect(codes(await stage.login(account.email, wrong))).toEqual([401, 'AUTH_INVALID_CREDENTIALS'])
    }
    expect((await stage.login(account.email, newPassword)).status).toBe(200)
  })

  test('of ten uses of a reset link at once one chooses the password, and all sessions end everywhere', async () => {
    const account = await stage.register('Forgetful')
    const [confirmation] = await stage.mails(account.email, 'verify-email')
    expect((await stage.post('/api/auth/verify-email', { body: { token: confirmation } })).status).toBe(204)
    const forgot = (email: string) => stage.post('/api/auth/forgot-password', { body: { email } })
    expect(plain(await forgot(account.email))).toEqual(plain(await forgot('stranger@example.com')))
    const [token] = await stage.mails(account.email, 'reset-password')
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) =>
      stage.post('/api/auth/reset-password', { body: { token, newPassword: `${PASSWORD} ${index}` } })
    ))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(9).fill(400)])
    await stage.dead(account.accessToken)
    const opened = await Promise.all(answers.map((_, index) => stage.login(account.email, `${PASSWORD} ${index}`)))
    expect(opened.map(({ status }) => status === 200)).toEqual(answers.map(({ status }) => status === 204))
    await stage.mails(account.email, 'password-changed')
    await stage.mails('stranger@example.com', 'reset-password', 0)
  })
}
