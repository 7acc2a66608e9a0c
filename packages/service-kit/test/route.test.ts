import { forgotPassword } from '@gatepost/contracts/auth/account-operations'
import { getJwks, endSession } from '@gatepost/contracts/auth/session-operations'
import { createPost } from '@gatepost/contracts/posts/operations'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { ProblemError } from '../src/problem.ts'
import { routeOf, withoutBody } from '../src/route.ts'
import { createServer } from '../src/server.ts'

const ID = '0190a0b0-0000-7000-8000-000000000000'
const post = { id: ID, authorId: ID, title: 'a', content: 'b', version: 1, createdAt: '', updatedAt: '' }

const app = createServer({ log: pino({ level: 'silent' }) })
app.route({ ...routeOf(createPost), handler: async () => post })
app.route({
  ...routeOf(getJwks),
  handler: async (request) => {
    if (request.headers['x-fail']) throw new ProblemError('OVERLOADED')
    return { keys: [] }
  }
})
app.route({ ...routeOf(endSession), handler: withoutBody(async () => {}) })
app.route({ ...routeOf(forgotPassword), handler: withoutBody(async () => {}) })

test('an answer has the status and the cache-control that the contract states for success', async () => {
  const created = await app.inject({ method: 'POST', url: '/api/posts', payload: { title: 'a', content: 'b' } })
  expect(created).toMatchObject({ statusCode: 201 })
  const jwks = await app.inject('/.well-known/jwks.json')
  expect(jwks).toMatchObject({ statusCode: 200, headers: { 'cache-control': 'public, max-age=15' } })
})

test('a problem of such a route keeps its own status and is not stored', async () => {
  const failed = await app.inject({ url: '/.well-known/jwks.json', headers: { 'x-fail': '1' } })
  expect(failed).toMatchObject({ statusCode: 503, headers: { 'cache-control': 'no-store' } })
})

test('an operation without a body in its answer sends none', async () => {
  const ended = await app.inject({ method: 'DELETE', url: `/api/auth/sessions/${ID}` })
  expect(ended).toMatchObject({ statusCode: 204, body: '' })
  const asked = await app.inject({
    method: 'POST',
    url: '/api/auth/forgot-password',
    payload: { email: 'a@example.test' }
  })
  expect(asked).toMatchObject({ statusCode: 202, body: '' })
})
