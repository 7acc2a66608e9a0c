import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'
import { ownKeys } from './support/own-keys.ts'

let auth: AuthServer
beforeAll(async () => {
  auth = await startAuth()
})
afterAll(() => auth.close())

const { make, list, exchange } = ownKeys(() => auth)

test('a key has a limit of its own, which lists and gateways are told', async () => {
  const { accessToken } = await auth.register()
  const limit = { max: 3, windowSeconds: 60 }
  const { status, body } = await make(accessToken, { name: 'Slow', limit })
  expect([status, body.limit]).toEqual([201, limit])
  expect((await list(accessToken))[0].limit).toEqual(limit)
  expect((await exchange(body.key)).body.limit).toEqual(limit)
  for (const [max, windowSeconds] of [[0, 1], [1], [1, 86_401], [1.5, 1]]) {
    expect((await make(accessToken, { name: 'Bad', limit: { max, windowSeconds } })).status).toBe(400)
  }
})

test('an old login makes a key with the password, and with no other', async () => {
  const { accessToken, sessionId } = await auth.register()
  await auth.sql("UPDATE sessions SET created_at = now() - interval '11 minutes' WHERE id = $1", sessionId)
  expect((await make(accessToken)).body.code).toBe('AUTH_LOGIN_TOO_OLD')
  const wrong = await make(accessToken, { name: 'A program', password: 'not the password' })
  expect([wrong.status, wrong.body.code]).toEqual([403, 'AUTH_WRONG_PASSWORD'])
  expect((await make(accessToken, { name: 'A program', password: PASSWORD })).status).toBe(201)
  for (let i = 0; i < 10; i++) await make(accessToken, { name: 'A program', password: `guess ${i} of many` })
  expect((await make(accessToken, { name: 'A program', password: PASSWORD })).body.code).toBe('AUTH_TOO_MANY_ATTEMPTS')
})
