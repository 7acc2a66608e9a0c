import { createHash } from 'node:crypto'
import { operations } from '@gatepost/contracts/operations'
import { events } from '@gatepost/contracts/events'
import { problems } from '@gatepost/contracts/problems'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ NATS_URL: 'nats://gateway:hidden@127.0.0.1:1' }, { waits: false })
})
afterAll(async () => {
  await gateway.stop()
})

test('OpenAPI names every operation, AsyncAPI every event, and neither a password', async () => {
  const openApi = await (await gateway.fetch('/openapi.json')).json()
  const described = Object.entries<Record<string, unknown>>(openApi.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`)
  )
  expect(described.sort())
    .toEqual(operations.map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`).sort())
  const text = await (await gateway.fetch('/asyncapi.json')).text()
  expect(Object.keys(JSON.parse(text).channels)).toHaveLength(events.length)
  expect(text).not.toContain('hidden')
})

test('every operation of the contract is routed: none is 404 or 405', async () => {
  for (const { method, url } of operations) {
    const answer = await gateway.call(url.replace(/:\w+/g, 'x'), { method, signal: AbortSignal.timeout(20_000) })
    await answer.body?.cancel()
    if (url !== '/problems/:code') expect([404, 405], `${method} ${url}`).not.toContain(answer.status)
  }
})

test('/ leads browsers to the reference and tells programs where everything is', async () => {
  const ask = (accept: string, method = 'GET') =>
    gateway.fetch('/', { method, redirect: 'manual', headers: { accept } })
  for (const accept of ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text/html']) {
    const { status, headers } = await ask(accept)
    expect([status, headers.get('location'), headers.get('vary')]).toEqual([303, '/docs', 'Accept'])
  }
  for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5', 'text/html;q=0, */*']) {
    const answer = await ask(accept)
    expect([answer.status, answer.headers.get('vary')]).toEqual([200, 'Accept'])
    const { name, version, ...places } = await answer.json()
    const { info } = await (await gateway.fetch('/openapi.json')).json()
    expect({ title: name, version }).toMatchObject({ title: info.title, version: info.version })
    expect(Object.keys(places).sort()).toEqual(['asyncapi', 'docs', 'health', 'openapi'])
    for (const path of Object.values<string>(places)) expect([200, 503]).toContain((await gateway.fetch(path)).status)
  }
  const head = await ask('*/*', 'HEAD')
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect((await ask('*/*', 'POST')).status).toBe(405)
})

test('the reference page works under its own policy: local script, hashed inline script, nothing else', async () => {
  const answer = await gateway.fetch('/docs')
  const html = await answer.text()
  const policy = answer.headers.get('content-security-policy')!
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
  const inline = [...html.matchAll(/<script(?![^>]* src=)[^>]*>([\s\S]*?)<\/script>/g)]
  expect(inline).toHaveLength(2)
  for (const [, source] of inline) expect(policy).toContain(createHash('sha256').update(source!).digest('base64'))
  expect(policy).toMatch(/script-src 'self' 'sha256-[^']+' 'sha256-[^']+';connect-src 'self';/)
  expect(html).toContain('"url": location.origin')
  const sources = [...html.matchAll(/<script[^>]* src="([^"]+)"/g)].map((match) => match[1])
  expect(sources).toEqual(['/docs/js/scalar.js'])
  const script = await gateway.fetch(sources[0]!)
  expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  expect((await gateway.fetch(sources[0]!, { headers: { 'if-none-match': script.headers.get('etag')! } })).status)
    .toBe(304)
})

test('the event page has a section for each event, and says how to make a consumer', async () => {
  const html = await (await gateway.fetch('/docs/events')).text()
  expect(html).toMatch(/Nats-Msg-Id[^]*feed-posts[^]*nats consumer add EVENTS/)
  for (const { type } of events) expect(html).toContain(`<section id="${type}">`)
})

test('the type of every problem leads to a page', async () => {
  for (const code of Object.keys(problems)) {
    const answer = await gateway.fetch(`/problems/${code}`)
    expect([code, answer.status, answer.headers.get('content-type')]).toEqual([code, 200, 'text/html; charset=utf-8'])
  }
  expect((await gateway.fetch('/problems/constructor')).status).toBe(404)
})
