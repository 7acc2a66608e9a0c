import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRevocationList } from '../src/revocation-list.ts'
import { type JudgingApp, judgingApp } from './support/judging-app.ts'
import { another, forged, header, now, payload, token, USER } from './support/tokens.ts'

let judge: JudgingApp
beforeEach(async () => {
  judge = await judgingApp()
})
afterEach(async () => { await judge.app.close() })

test('a good token passes, twice', async () => {
  const good = token()
  expect((await judge.me(`Bearer ${good}`)).statusCode).toBe(200)
  expect((await judge.me(`bearer ${good}`)).statusCode).toBe(200)
  expect(judge.app.identity.stats).toMatchObject({ hits: 1, misses: 1 })
})

test('no token is 401 with a challenge', async () => {
  const answer = await judge.me()
  expect([answer.statusCode, answer.json().code, answer.headers['www-authenticate']]).toEqual([
    401,
    'TOKEN_REQUIRED',
    'Bearer realm="gatepost"'
  ])
})

test.each(Object.keys(forged))('%s is 401, always the same', async (name) => {
  const answer = await judge.me(`Bearer ${forged[name]!()}`)
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_INVALID'])
  expect(judge.app.identity.stats.size).toBe(0)
})

test('a refused API key gets advice for keys, with the code and the challenge of every bad token', async () => {
  const answer = await judge.me('Bearer gp_unknown')
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'TOKEN_INVALID'])
  expect(answer.json().detail).toBe('The API key is unknown, expired or deleted. Make another.')
  expect((await judge.me('Bearer junk')).json().detail).toContain('log in again')
  expect(answer.headers['www-authenticate']).toContain('invalid_token')
})

test.each(['Basic abc', 'Bearer', 'Bearer a b', 'Bearer a, Bearer b', ''])('the header %j is 401', async (value) => {
  expect((await judge.me(value)).statusCode).toBe(401)
})

test('clocks may differ by five seconds', async () => {
  expect((await judge.me(`Bearer ${token({ ...payload(), iat: now() + 4 })}`)).statusCode).toBe(200)
  expect((await judge.me(`Bearer ${token({ ...payload(), exp: now() - 3 })}`)).statusCode).toBe(200)
})

test('without any keys nobody can be judged: 503, not 401', async () => {
  judge.source.broken = true
  const answer = await judge.me(`Bearer ${token()}`)
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
})

test('an optional route ignores a bad token and knows a good one', async () => {
  expect((await judge.logout('Bearer junk')).headers['x-user']).toBe('nobody')
  expect((await judge.logout(`Bearer ${token()}`)).headers['x-user']).toBe(USER)
})

test('an admin route is 401 without, 403 with a user’s, 200 with an admin’s token', async () => {
  const ask = async (bearer?: string) =>
    (await judge.app.inject({ url: '/api/auth/users', headers: bearer ? { authorization: bearer } : {} })).statusCode
  expect([await ask(), await ask(`Bearer ${token()}`), await ask(`Bearer ${token({ ...payload(), role: 'admin' })}`)])
    .toEqual([401, 403, 200])
})

test('a route that states no policy needs a token', async () => {
  expect((await judge.app.inject(`/api/auth/users/${USER}`)).statusCode).toBe(401)
})

test('401 comes before 400', async () => {
  expect((await judge.app.inject('/api/auth/users?limit=x')).statusCode).toBe(401)
})

test('a token that lives longer than ACCESS_TOKEN_TTL is refused: revocations are read back no further', async () => {
  const living = (seconds: number) => judge.me(`Bearer ${token({ ...payload(), exp: payload().iat + seconds })}`)
  expect((await living(700)).statusCode).toBe(200)
  for (const seconds of [701, 7_200, 2 ** 40]) expect((await living(seconds)).statusCode).toBe(401)
  expect(judge.app.identity.stats).toMatchObject({ overlong: 3, size: 1 })
})

test('before the revocations were read a good token cannot be judged: 503; a bad one is 401', async () => {
  const sid = '01900000-0000-7000-8000-00000000000d'
  const { app, me, logout, revocations } = await judgingApp(createRevocationList())
  const authorization = `Bearer ${token({ ...payload(), sid })}`
  for (let times = 0; times < 2; times++) {
    const answer = await me(authorization)
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1'])
  }
  expect(app.identity.recognize(authorization)).toBeUndefined()
  expect((await me(`Bearer ${token(payload(), header, another)}`)).statusCode).toBe(401)
  expect((await logout(authorization)).headers['x-user']).toBe('nobody')
  revocations.revoke(sid, Date.now() + 600_000)
  revocations.markComplete()
  expect((await me(authorization)).statusCode).toBe(401)
  expect((await me(`Bearer ${token()}`)).statusCode).toBe(200)
  await app.close()
})

test('an optional route works without any keys', async () => {
  judge.source.broken = true
  const answer = await judge.logout(`Bearer ${token(payload(), { ...header, kid: 'k9' })}`)
  expect([answer.statusCode, answer.headers['x-user']]).toEqual([204, 'nobody'])
})
