import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

const valueOf = async (name: string) =>
  Number(new RegExp(`^gatepost_auth_${name}\\{[^}]*\\} (\\d+)$`, 'm').exec(await auth.metrics())?.[1])

test('failed logins, lockouts and reused refresh tokens are counted, from 0 on', async () => {
  const names = [
    'login_failures_total',
    'lockouts_total',
    'refresh_token_reuses_total',
    'hashes_waiting',
    'hashes_refused_total'
  ]
  expect(await Promise.all(names.map(valueOf))).toEqual([0, 0, 0, 0, 0])
  const { email, refreshToken, accessToken } = await auth.register()
  for (let attempt = 0; attempt < 10; attempt++) await auth.login(email, 'not the password', '192.0.2.1')
  expect((await auth.login(email, 'not the password', '192.0.2.1')).status).toBe(429)
  await auth.call('POST', '/api/auth/delete-account', {
    token: accessToken,
    body: { password: 'not the password' },
    from: '192.0.2.2'
  })
  let next = refreshToken
  for (let turn = 0; turn < 2; turn++) {
    next = (await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken: next } })).body.refreshToken
  }
  expect((await auth.call('POST', '/api/auth/refresh-token', { body: { refreshToken } })).body.code)
    .toBe('AUTH_REFRESH_TOKEN_REUSED')
  expect(await Promise.all(names.map(valueOf))).toEqual([11, 1, 1, 0, 0])
})
