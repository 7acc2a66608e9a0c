import { sessionRevoked, userRegistered } from '@gatepost/contracts/auth/events'
import { postCreated } from '@gatepost/contracts/posts/events'
import { type TestBroker, startBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import { type EventPublisher, startPublisher } from '@gatepost/testing/publisher'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, type TestGateway, uuid7 } from './support/gateway.ts'

let broker: TestBroker
let gateway: TestGateway
let posts: EventPublisher
let auth: EventPublisher
const userId = uuid7()
const sessionId = uuid7()
const token = accessToken({ sub: userId, sid: sessionId })

beforeAll(async () => {
  broker = await startBroker()
  gateway = await startGateway({ NATS_URL: broker.urlOf('gateway') })
  ;[posts, auth] = await Promise.all([
    startPublisher(broker.urlOf('posts'), 'posts'),
    startPublisher(broker.urlOf('auth'), 'auth')
  ])
  await eventually(async () => expect((await gateway.fetch('/ready')).status).toBe(200))
})
afterAll(async () => {
  await Promise.all([posts?.close(), auth?.close()])
  await gateway?.stop()
  await broker?.stop()
})

async function open (headers: Record<string, string> = {}, bearer = token) {
  const abort = new AbortController()
  const response = await fetch(`${gateway.url}/api/events`, {
    headers: { authorization: `Bearer ${bearer}`, ...headers },
    signal: abort.signal
  })
  const stream = { response, text: '', ended: false, close: () => abort.abort() }
  void (async () => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) stream.text += decoder.decode(chunk, { stream: true })
    stream.ended = true
  })().catch(() => { stream.ended = true })
  return stream
}

const post = (title: string) =>
  posts.publish(postCreated, {
    data: { postId: uuid7(), authorId: userId, title, content: 'c', createdAt: new Date().toISOString() },
    aggregateVersion: 1
  })
const revoke = (user: string, session: string) =>
  auth.publish(sessionRevoked, {
    data: {
      sessionId: session,
      userId: user,
      reason: 'logout',
      expiresAt: new Date(Date.now() + 600_000).toISOString()
    },
    aggregateVersion: 1
  })

test('posts arrive as CloudEvents with the stream’s sequence; others’ sessions and accounts do not', async () => {
  const stream = await open()
  expect([stream.response.status, stream.response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8'
  ])
  await auth.publish(userRegistered, {
    data: { userId: uuid7(), displayName: 'secret', registeredAt: new Date().toISOString() },
    aggregateVersion: 1
  })
  await revoke(uuid7(), uuid7())
  const sequence = await post('hello')
  await eventually(() => expect(stream.text).toContain('"hello"'))
  const frame = stream.text.split('\n\n').find((part) => part.includes('hello'))!.split('\n')
  expect(frame.slice(0, 2)).toEqual([`id: ${sequence}`, 'event: posts.post-created.v1'])
  expect(JSON.parse(frame[2]!.slice('data: '.length))).toMatchObject({
    specversion: '1.0',
    type: 'posts.post-created.v1',
    data: { title: 'hello' }
  })
  expect(stream.text).not.toMatch(/secret|session-revoked/)
  stream.close()
})

test('Last-Event-ID resumes after it, without a gap and nothing twice', async () => {
  const first = await post('one')
  await post('two')
  await post('three')
  const stream = await open({ 'last-event-id': String(first) })
  await post('four')
  await eventually(() => expect(stream.text).toContain('"four"'))
  expect([...stream.text.matchAll(/"title":"(\w+)"/g)].map((match) => match[1])).toEqual(['two', 'three', 'four'])
  stream.close()
  expect((await gateway.fetch('/api/events', { headers: { authorization: `Bearer ${token}`, 'last-event-id': 'x' } }))
    .status).toBe(400)
})

test('a stream says where it begins, so one that ends before its first event resumes without a gap', async () => {
  await post('before')
  const quiet = await open()
  await eventually(() => expect(quiet.text).toMatch(/^id: \d+\n\n/m))
  quiet.close()
  await post('meanwhile')
  const resumed = await open({ 'last-event-id': /^id: (\d+)/m.exec(quiet.text)![1]! })
  await eventually(() => expect(resumed.text).toContain('"meanwhile"'))
  expect(resumed.text).not.toContain('"before"')
  expect(resumed.text).not.toMatch(/^id: \d+\n\n/m)
  resumed.close()
})

test('one user has a bounded number of streams, and gets room again by closing one', async () => {
  const mine = accessToken({ sub: uuid7() })
  const streams = await Promise.all(Array.from({ length: 8 }, () => open({}, mine)))
  const refused = await open({}, mine)
  expect([refused.response.status, refused.response.headers.get('retry-after')]).toEqual([503, '10'])
  expect((await open()).response.status).toBe(200)
  streams[0]!.close()
  await eventually(async () => {
    const again = await open({}, mine)
    again.close()
    expect(again.response.status).toBe(200)
  })
  for (const stream of streams) stream.close()
})

test('the stream ends when its session is revoked, and the token is dead everywhere', async () => {
  const stream = await open()
  await revoke(userId, sessionId)
  await eventually(() => expect(stream.ended).toBe(true), { withinMs: 2_000 })
  expect(stream.text).toContain('event: auth.session-revoked.v1')
  expect((await gateway.fetch('/api/posts', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
})

test('the stream ends when its token expires', async () => {
  const stream = await open({}, accessToken({ exp: Math.floor(Date.now() / 1000) + 2 }))
  expect(stream.ended).toBe(false)
  await eventually(() => expect(stream.ended).toBe(true), { withinMs: 5_000 })
})

test('a revocation from before the start counts after it', async () => {
  const another = await startGateway({ NATS_URL: broker.urlOf('gateway') })
  await eventually(async () => expect((await another.fetch('/ready')).status).toBe(200))
  expect((await another.fetch('/api/posts', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  await another.stop()
})

test('without NATS a gateway that runs goes on and says how stale it is; one that starts is not ready', async () => {
  await broker.halt()
  const late = await startGateway({ NATS_URL: broker.urlOf('gateway') }, { waits: false })
  expect((await late.fetch('/ready')).status).toBe(503)
  await eventually(async () => {
    const answer = await gateway.fetch('/ready')
    expect([answer.status, (await answer.json()).checks.nats.status]).toEqual([200, 'degraded'])
  })
  expect((await gateway.call('/api/posts')).status).toBe(200)
  expect(await gateway.registry.metrics()).toContain('gatepost_revocations_stale_seconds')
  await broker.start()
  await eventually(async () => expect((await late.fetch('/ready')).status).toBe(200))
  expect((await late.call('/api/posts')).status).toBe(200)
  await late.stop()
})

test('closing the gateway ends its streams at once', async () => {
  const another = await startGateway({ NATS_URL: broker.urlOf('gateway') })
  const response = await another.call('/api/events')
  const began = performance.now()
  await Promise.all([another.app.close(), response.text()])
  expect(performance.now() - began).toBeLessThan(5_000)
  await another.upstream.stop()
})
