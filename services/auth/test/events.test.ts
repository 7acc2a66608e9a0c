import { startBroker, type TestBroker } from '@gatepost/testing/broker'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type AuthServer, PASSWORD, startAuth } from './support/auth-server.ts'

let broker: TestBroker
let auth: AuthServer
let subscriber: NatsConnection
const seen: Array<{ subject: string, event: any, at: number }> = []

beforeAll(async () => {
  broker = await startBroker()
  subscriber = await connect({ servers: broker.url })
  subscriber.subscribe('events.>', {
    callback: (_error, message) => {
      seen.push({ subject: message.subject, event: message.json(), at: performance.now() })
    }
  })
  auth = await startAuth({ NATS_URL: broker.urlOf('auth') })
  await vi.waitUntil(async () => (await auth.call('GET', '/ready')).body.status === 'up', { timeout: 15_000 })
})
afterAll(async () => {
  await auth.close()
  await subscriber.close()
  await broker.stop()
})

const ofUser = (userId: string) => seen.filter(({ event }) => event.data.userId === userId)

test(
  'the events of an account are in the stream, in order, within a second, without anything personal',
  { retry: 2 },
  async () => {
    const { user, accessToken, email } = await auth.register({ displayName: 'Eve' })
    await auth.call('PATCH', '/api/auth/me', {
      token: accessToken,
      body: { displayName: 'Eva' },
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    })
    const other = (await auth.login(email)).body
    await auth.call('DELETE', `/api/auth/sessions/${other.sessionId}`, { token: accessToken })
    const answered = performance.now()
    await expect.poll(() => ofUser(user.id).length, { timeout: 1_000, interval: 10 }).toBe(3)
    expect(ofUser(user.id).at(-1)!.at - answered).toBeLessThan(1_000)
    await auth.call('POST', '/api/auth/delete-account', { token: accessToken, body: { password: PASSWORD } })
    await expect.poll(() => ofUser(user.id).length, { timeout: 1_000, interval: 10 }).toBe(5)
    expect(ofUser(user.id).map(({ subject }) => subject)).toEqual([
      'events.auth.user-registered.v1',
      'events.auth.user-updated.v1',
      'events.auth.session-revoked.v1',
      'events.auth.session-revoked.v1',
      'events.auth.user-deleted.v1'
    ])
    const versions = ofUser(user.id).filter(({ event }) => event.subject === user.id).map(({ event }) =>
      event.aggregateversion
    )
    expect(versions).toEqual([1, 2, 3])
    expect(ofUser(user.id)[1]!.event.traceparent).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/)
    expect(JSON.stringify(seen)).not.toMatch(/@|password"|\$argon2|eyJ/)
  }
)

test('events of an outage of NATS are published when it is back', async () => {
  await broker.halt()
  const { user } = await auth.register()
  expect((await auth.call('GET', '/ready')).status).toBe(200)
  await broker.start()
  // The plain subscription may not be back yet, so the stream's sequence is the proof.
  const published = async () =>
    (await auth.sql('SELECT stream_sequence FROM outbox WHERE aggregate_id = $1', user.id))[0].stream_sequence
  await expect.poll(published, { timeout: 20_000 }).not.toBeNull()
})
