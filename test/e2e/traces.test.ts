import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { startSystem, type System } from '@gatepost/testing/system'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, register, type Account } from './client.ts'
import { startCollector } from './trace-collector.ts'

const SERVER = 2
const CLIENT = 3
const PRODUCER = 4
const CONSUMER = 5
let collector: Awaited<ReturnType<typeof startCollector>>
let system: System
let ada: Account
beforeAll(async () => {
  collector = await startCollector()
  system = await startSystem({
    env: { RATE_LIMIT_MAX: '100000', POSTS_DATABASE_POOL: '2', OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` }
  })
  ada = await register(system.gatewayUrl, 'Ada')
}, 60_000)
afterAll(async () => {
  await system?.stop()
  await collector?.stop()
})

/** A trace as a client would begin it. */
function newTrace (flags = '01') {
  const traceId = randomBytes(16).toString('hex')
  const spanId = randomBytes(8).toString('hex')
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` }
}

/** The spans of a trace as `service: name`, each with the one that it hangs on; without those of statements. */
async function treeOf ({ traceId, spanId }: { traceId: string, spanId: string }, count: number) {
  const spans = await eventually(() => {
    const found = collector.ofTrace(traceId).filter(({ kind }) => kind !== CLIENT)
    expect(found.length).toBeGreaterThanOrEqual(count)
    return found
  }, { withinMs: 15_000 })
  const names = new Map(spans.map((span) => [span.spanId, `${span.service}: ${span.name}`]))
  names.set(spanId, 'client')
  return spans.map(({ spanId: id, parentSpanId, kind }) => [names.get(parentSpanId), names.get(id), kind]).sort()
}

test('one trace leads from the client through gateway, service, outbox and NATS into the consumer', async () => {
  const trace = newTrace()
  const { status } = await call(system.gatewayUrl, 'POST', '/api/posts', {
    token: ada.accessToken,
    body: { title: 'Traced', content: 'all the way' },
    headers: { traceparent: trace.traceparent }
  })
  expect(status).toBe(201)
  expect(await treeOf(trace, 4)).toEqual([
    ['client', 'gateway: POST /api/posts', SERVER],
    ['gateway: POST /api/posts', 'posts: POST /api/posts', SERVER],
    ['posts: POST /api/posts', 'feed: process posts.post-created.v1', CONSUMER],
    ['posts: POST /api/posts', 'posts: publish posts.post-created.v1', PRODUCER]
  ])
  const statements = collector.ofTrace(trace.traceId).filter(({ kind }) => kind === CLIENT)
  const textsOf = (service: string) =>
    statements.filter((span) => span.service === service).map((span) => String(span.attributes['db.query.text'])).join()
  expect([textsOf('posts'), textsOf('feed')]).toEqual([
    expect.stringContaining('INSERT INTO outbox'),
    expect.stringContaining('inbox')
  ])
  const attributes = JSON.stringify(statements.map((span) => span.attributes))
  expect(attributes, 'no values of statements').not.toContain('all the way')
})

test('what happens at once in many requests stays in its own trace, also where connections are scarce', async () => {
  const traces = Array.from({ length: 40 }, () => newTrace())
  await Promise.all(traces.map(({ traceparent }, number) =>
    call(system.gatewayUrl, 'POST', '/api/posts', {
      token: ada.accessToken,
      body: { title: `Post ${number}`, content: 'at once' },
      headers: { traceparent }
    })
  ))
  for (const trace of traces) {
    await treeOf(trace, 4)
    const insertions = collector.ofTrace(trace.traceId).filter(({ kind, service, attributes }) =>
      kind === CLIENT && service === 'posts' && String(attributes['db.query.text']).includes('INTO outbox')
    )
    expect(insertions).toHaveLength(1)
  }
})

test('a deleted account is one trace over all four processes', async () => {
  const trace = newTrace()
  const ben = await register(system.gatewayUrl, 'Ben')
  await call(system.gatewayUrl, 'POST', '/api/auth/delete-account', {
    token: ben.accessToken,
    body: { password: ben.password },
    headers: { traceparent: trace.traceparent }
  })
  const tree = await treeOf(trace, 7)
  expect(tree).toEqual([
    ['client', 'gateway: POST /api/auth/delete-account', SERVER],
    ['gateway: POST /api/auth/delete-account', 'auth: POST /api/auth/delete-account', SERVER],
    ['auth: POST /api/auth/delete-account', 'feed: process auth.session-revoked.v1', CONSUMER],
    ['auth: POST /api/auth/delete-account', 'feed: process auth.user-deleted.v1', CONSUMER],
    ['auth: POST /api/auth/delete-account', 'posts: process auth.user-deleted.v1', CONSUMER],
    ['auth: POST /api/auth/delete-account', 'auth: publish auth.session-revoked.v1', PRODUCER],
    ['auth: POST /api/auth/delete-account', 'auth: publish auth.user-deleted.v1', PRODUCER]
  ].sort())
})

test('an answer put together by the gateway has a span of each service that was asked', async () => {
  const trace = newTrace()
  await call(system.gatewayUrl, 'GET', `/api/users/${ada.userId}/overview`, {
    token: ada.accessToken,
    headers: { traceparent: trace.traceparent }
  })
  const gateway = 'gateway: GET /api/users/:id/overview'
  expect(await treeOf(trace, 3)).toEqual([['client', gateway, SERVER], [
    gateway,
    'auth: GET /api/auth/users/:id',
    SERVER
  ], [gateway, 'posts: GET /api/posts', SERVER]])
})

test('refused and aborted requests have their span too, with what became of them', async () => {
  const refused = newTrace()
  await call(system.gatewayUrl, 'GET', '/api/posts', { headers: { traceparent: refused.traceparent } })
  const aborted = newTrace()
  const socket = connect(system.ports.gateway, '127.0.0.1')
  socket.write(
    `POST /api/posts HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer ${ada.accessToken}\r\ntraceparent: ` +
    `${aborted.traceparent}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"title":`,
    () => setTimeout(() => socket.destroy(), 50)
  )
  expect([await treeOf(refused, 1), await treeOf(aborted, 1)]).toEqual([
    [['client', 'gateway: GET /api/posts', SERVER]],
    [['client', 'gateway: POST /api/posts', SERVER]]
  ])
  const statusOf = ({ traceId }: { traceId: string }) =>
    collector.ofTrace(traceId)[0]!.attributes['http.response.status_code']
  expect([statusOf(refused), statusOf(aborted)]).toEqual([401, 499])
})

test('a client that does not want its trace recorded has it passed on and not exported', async () => {
  const [quiet, loud] = [newTrace('00'), newTrace()]
  for (const { traceparent } of [quiet, loud]) {
    await call(system.gatewayUrl, 'GET', '/api/posts', { token: ada.accessToken, headers: { traceparent } })
  }
  await treeOf(loud, 2)
  expect(collector.ofTrace(quiet.traceId)).toEqual([])
})
