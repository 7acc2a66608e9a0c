import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { freePorts } from '@gatepost/local-stack/ports'
import { startRedis } from '@gatepost/local-stack/redis'
import { eventually } from '@gatepost/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CLOSE, JSON_TYPE, startGateway, type TestGateway, USER_ID } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway() })
afterAll(async () => { await gateway.stop() })

const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8')
const lineOf = (requestId: string) => eventually(() => {
  const line = gateway.log.find((text) => text.includes(requestId))
  expect(line).toBeDefined()
  return JSON.parse(line!)
})

test('a request is one line with route, status, time, instance, user and trace', async () => {
  await gateway.call('/api/posts?q=private', {
    headers: { 'x-request-id': 'request-0001', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  })
  const line = await lineOf('request-0001')
  expect(line).toMatchObject({
    method: 'GET',
    route: '/api/posts',
    status: 200,
    userId: USER_ID,
    client: '127.0.0.1',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    instance: gateway.upstream.url,
    attempts: 1,
    ms: expect.any(Number),
    msg: 'request'
  })
  expect(gateway.log.filter((text) => text.includes('request-0001'))).toHaveLength(1)
})

test('in log and metrics a client that leaves is a 499, a service that breaks off in mid-answer a 502', async () => {
  const body = '{"title":"a","content":"b"}'
  const head = (id: string) =>
    gateway.head('POST /api/posts', `x-request-id: ${id}`, CLOSE, JSON_TYPE, `content-length: ${body.length}`)
  const countOf = async (status: number) =>
    Number(new RegExp(
      `^http_requests_total\\{[^}]*method="POST",route="/api/posts",status="${status}"[^}]*\\} (\\d+)`,
      'm'
    ).exec(await gateway.registry.metrics())?.[1] ?? 0)
  gateway.upstream.handler = () => {} // never answers
  for (const [id, sent] of [['aborted-1', body], ['aborted-2', body.slice(0, 9)]] as const) {
    const socket = connect(gateway.port, '127.0.0.1')
    socket.write(head(id) + sent)
    setTimeout(() => socket.resetAndDestroy(), 200)
    expect(await lineOf(id)).toMatchObject({ status: 499, route: '/api/posts' })
  }
  expect(await countOf(499)).toBe(2)
  gateway.upstream.handler = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100_000 })
    let parts = 0
    const timer = setInterval(() => {
      if (++parts < 4) return response.write('x'.repeat(20_000))
      clearInterval(timer)
      response.socket!.destroy()
    }, 20)
  }
  await gateway.raw(head('broken-off') + body).catch((error: Error) => error)
  expect(await lineOf('broken-off')).toMatchObject({ status: 502 })
  expect([await countOf(499), await countOf(502)]).toEqual([2, 1])
})

test('refusals are logged too', async () => {
  await gateway.fetch('/api/nothing', { headers: { 'x-request-id': 'request-0002' } })
  expect(await lineOf('request-0002')).toMatchObject({ status: 401, route: 'unknown' })
})

test('no token, cookie, password, body or query reaches the log', async () => {
  const secret = 'correct-horse-battery'
  await gateway.fetch(`/api/posts?q=${secret}`, { headers: { authorization: `Bearer ${secret}`, cookie: secret } })
  await gateway.fetch('/api/auth/login', {
    method: 'POST',
    body: JSON.stringify({ email: 'ada@example.org', password: secret }),
    headers: { 'content-type': 'application/json' }
  })
  await gateway.fetch('/api/auth/login', {
    method: 'POST',
    body: `{"password":"${secret}"`,
    headers: { 'content-type': 'application/json', 'x-request-id': 'request-0003' }
  })
  await lineOf('request-0003')
  expect(gateway.log.join('')).not.toMatch(/correct-horse|ada@example|eyJ/)
})

test('every metric of the gateway is explained in docs/operations.md, and no other is', async () => {
  const [port] = await freePorts(1) as [number]
  const redis = await startRedis({ port })
  const shared = await startGateway({ REDIS_URL: redis.url })
  await shared.call('/api/posts')
  const exported = [...(await shared.registry.metrics()).matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!).filter((
    name
  ) => !/^(process|nodejs)_/.test(name))
  await shared.stop()
  await redis.stop()
  const documented = [...(await read('docs/operations.md')).matchAll(/^\| `((?:gatepost|http)_\w+)/gm)].map((match) =>
    match[1]!
  )
  expect(documented).toEqual(expect.arrayContaining(exported))
  const others = documented.filter((name) => !exported.includes(name))
  expect(others.filter((name) =>
    !/^gatepost_(database|outbox|dead_letters|erasures|consumer|argon|auth)(_|$)/.test(name)
  )).toEqual([])
})

test('the dashboard asks only for metrics that are explained', async () => {
  const documented =
    new Set([...(await read('docs/operations.md')).matchAll(/`((?:gatepost|http|nodejs|process)_\w+)/g)].map((match) =>
      match[1]!
    ))
  const dashboard = JSON.parse(await read('deploy/grafana/gatepost.json'))
  const expressions: string[] = dashboard.panels.flatMap(({ targets = [] }: { targets?: Array<{ expr: string }> }) =>
    targets.map(({ expr }) => expr)
  )
  expect(expressions.length).toBeGreaterThan(10)
  const asked = expressions.flatMap((expr) => expr.match(/\b(?:gatepost|http|nodejs|process)_\w+/g) ?? []).map((name) =>
    name.replace(/_(?:bucket|sum|count)$/, '')
  )
  expect(asked.filter((name) => !documented.has(name))).toEqual([])
})
