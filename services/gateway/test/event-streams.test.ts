import { userRegistered } from '@gatepost/contracts/auth/events'
import { eventually } from '@gatepost/testing/eventually'
import { revokeSession } from '@gatepost/testing/publisher'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accessToken, startGateway, uuid7 } from './support/gateway.ts'
import { type LiveStage, startLiveStage } from './support/live-stage.ts'

let stage: LiveStage
const userId = uuid7()
const sessionId = uuid7()
const token = accessToken({ sub: userId, sid: sessionId })

beforeAll(async () => { stage = await startLiveStage() })
afterAll(() => stage?.stop())

async function open (headers: Record<string, string> = {}, bearer = token) {
  const abort = new AbortController()
  const response = await fetch(`${stage.gateway.url}/api/events`, {
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

const post = (title: string) => stage.post({ title })

test('posts arrive as CloudEvents with the stream’s sequence; others’ sessions and accounts do not', async () => {
  const stream = await open()
  expect([stream.response.status, stream.response.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8'
  ])
  await stage.auth.publish(userRegistered, {
    data: { userId: uuid7(), displayName: 'secret', registeredAt: new Date().toISOString() },
    aggregateVersion: 1
  })
  await revokeSession(stage.auth, { userId: uuid7(), sessionId: uuid7() })
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
  const strange = await open({ 'last-event-id': 'x' })
  expect(strange.response.status).toBe(400)
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
  await revokeSession(stage.auth, { userId, sessionId })
  await eventually(() => expect(stream.ended).toBe(true), { withinMs: 2_000 })
  expect(stream.text).toContain('event: auth.session-revoked.v1')
  expect((await stage.gateway.fetch('/api/posts', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
})

test('the stream ends when its token expires', async () => {
  const stream = await open({}, accessToken({ exp: Math.floor(Date.now() / 1000) + 2 }))
  expect(stream.ended).toBe(false)
  await eventually(() => expect(stream.ended).toBe(true), { withinMs: 5_000 })
})

test('a revocation from before the start counts after it', async () => {
  const another = await startGateway({ NATS_URL: stage.broker.urlOf('gateway') })
  await eventually(async () => expect((await another.fetch('/ready')).status).toBe(200))
  expect((await another.fetch('/api/posts', { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  await another.stop()
})

test('without NATS a gateway that runs goes on and says how stale it is; one that starts is not ready', async () => {
  await stage.broker.halt()
  const late = await startGateway({ NATS_URL: stage.broker.urlOf('gateway') }, { waits: false })
  expect((await late.fetch('/ready')).status).toBe(503)
  await eventually(async () => {
    const answer = await stage.gateway.fetch('/ready')
    expect([answer.status, (await answer.json()).checks.nats.status]).toEqual([200, 'degraded'])
  })
  expect((await stage.gateway.call('/api/posts')).status).toBe(200)
  expect(await stage.gateway.registry.metrics()).toContain('gatepost_revocations_stale_seconds')
  await stage.broker.start()
  await eventually(async () => expect((await late.fetch('/ready')).status).toBe(200))
  expect((await late.call('/api/posts')).status).toBe(200)
  await late.stop()
})

test('closing the gateway ends its streams at once', async () => {
  const another = await startGateway({ NATS_URL: stage.broker.urlOf('gateway') })
  const response = await another.call('/api/events')
  const began = performance.now()
  await Promise.all([another.app.close(), response.text()])
  expect(performance.now() - began).toBeLessThan(5_000)
  await another.upstream.stop()
})
