import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let auth: AuthServer
beforeAll(async () => { auth = await startAuth() })
afterAll(() => auth.close())

test('registering answers a session whose token opens the account, and stores the one event', async () => {
  const { status, headers, body } = await auth.call('POST', '/api/auth/register', { body: { email: 'Ada@Example.test', password: PASSWORD, displayName: 'Ada' } })
  expect(status, JSON.stringify(body)).toBe(201)
  expect(headers.get('cache-control')).toBe('no-store')
  expect(body).toMatchObject({ user: { email: 'Ada@Example.test', displayName: 'Ada', role: 'user' }, tokenType: 'Bearer', expiresIn: 600 })
  const me = await auth.call('GET', '/api/auth/me', { token: body.accessToken })
  expect(me).toMatchObject({ status: 200, body: body.user })
  const [event, ...more] = await auth.events('user-registered')
  expect(more).toEqual([])
  expect(event).toMatchObject({ subject: body.user.id, aggregateversion: 1, data: { userId: body.user.id, displayName: 'Ada', registeredAt: body.user.createdAt } })
})
