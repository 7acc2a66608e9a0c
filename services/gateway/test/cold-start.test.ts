import { eventually } from '@gatepost/testing/eventually'
import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, type TestGateway, USER_ID } from './support/gateway.ts'

let broker: TestBroker
let gateway: TestGateway
beforeAll(async () => {
  broker = await startBroker()
  await broker.halt()
  gateway = await startGateway({ NATS_URL: broker.urlOf('gateway') }, { waits: false })
  await eventually(async () => expect((await (await gateway.fetch('/ready')).json()).checks.keys.status).toBe('up'))
})
afterAll(async () => {
  await gateway.stop()
  await broker.stop()
})

test.each(['/api/posts', '/api/events', `/api/users/${USER_ID}/overview`, '/api/nothing-here'])(
  'before it has read who logged out, %s is 503 with a good token',
  async (path) => {
    for (let times = 0; times < 2; times++) {
      const answer = await gateway.call(path)
      expect([answer.status, answer.headers.get('retry-after'), (await answer.json()).code]).toEqual([
        503,
        '1',
        'UPSTREAM_UNAVAILABLE'
      ])
    }
    expect(gateway.upstream.received).toEqual([])
  }
)

test.each([
  ['no token', undefined],
  ['junk', 'Bearer junk'],
  ['an expired token', `Bearer ${accessToken({ exp: 1 })}`]
])('and 401 with %s', async (_name, authorization) => {
  expect((await gateway.fetch('/api/posts', { headers: authorization === undefined ? {} : { authorization } })).status)
    .toBe(401)
})

test.each<[string, object | undefined, Record<string, string>]>([
  ['/api/auth/login', { email: 'a@example.org', password: 'any password' }, {}],
  ['/api/auth/logout', undefined, { authorization: `Bearer ${accessToken()}` }]
])('%s needs no token and works', async (path, body, headers) => {
  const answer = await gateway.fetch(path, {
    method: 'POST',
    headers: { ...body && { 'content-type': 'application/json' }, ...headers },
    body: body && JSON.stringify(body)
  })
  expect(answer.status).toBe(200)
  expect(gateway.upstream.received.at(-1)!.headers.authorization).toBe(headers.authorization)
})

test('once it has read them it judges', async () => {
  await broker.start()
  await eventually(async () => expect((await gateway.call('/api/posts')).status).toBe(200))
})
