import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createRegistry } from '@gatepost/service-kit/metrics'
import { parseSettings } from '@gatepost/service-kit/settings'
import type { App } from '@gatepost/service-kit/server'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../src/app.ts'
import { settingsSchema } from '../src/config.ts'
import { ask, enter } from './support/visitor.ts'

const TOKEN = 'a token of at least thirty-two characters'.replaceAll(' ', '-')
const TRACES = 'another token of at least 32 characters'.replaceAll(' ', '-')
let app: App
let origin: string
let cookie: string
beforeAll(async () => {
  const settings = parseSettings(settingsSchema, {
    CONSOLE_TOKEN: TOKEN,
    CONSOLE_TRACES_TOKEN: TRACES,
    CONSOLE_PROCESSES: 'gateway=http://127.0.0.1:1|http://127.0.0.1:1',
    NATS_URL: 'nats://127.0.0.1:1'
  })
  app = await buildApp({ settings, log: pino({ level: 'silent' }), registry: createRegistry('console') })
  const listening = once(app.server, 'listening')
  void app.listen({ host: '127.0.0.1', port: 0 })
  await listening
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  cookie = await enter(`${origin}/open?token=${TOKEN}`)
})
afterAll(() => app.close())

/** Every route that the app prints in its tree, but the one that links lead to. */
function everyRoute () {
  const path: string[] = []
  const routes: Array<readonly [method: string, path: string]> = []
  for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent, part, methods] = /^([│ ]*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?/.exec(line) ?? []
    if (part === undefined) continue
    path.length = indent!.length / 4
    path.push(part)
    for (const method of methods?.split(', ') ?? []) routes.push([method, path.join('')])
  }
  return routes.filter(([method, path]) => method !== 'HEAD' && path !== '/open')
}

test('without the cookie every path is 401, whether it exists or not', async () => {
  const unknown = ['/nothing', '/live', '/ready', '/metrics'].map((path) => ['GET', path] as const)
  const routes = [...everyRoute(), ...unknown]
  expect(routes.length).toBeGreaterThan(25)
  for (const [method, path] of routes) {
    const { status, headers } = await ask(origin + path, { method, headers: { origin } })
    expect([method, path, status]).toEqual([method, path, 401])
    expect(headers['set-cookie']).toBeUndefined()
  }
})

test.each(['', 'gatepost_console=', 'gatepost_console=' + 'A'.repeat(43), 'other=1; gatepost_console=x'])(
  'a cookie that nobody gave is 401: %j',
  async (wrong) => expect((await ask(origin, { headers: { cookie: wrong } })).status).toBe(401)
)

test('a link works once; one that an open console makes works once too', async () => {
  expect((await ask(`${origin}/open?token=${TOKEN}`)).status).toBe(401)
  expect((await ask(`${origin}/open`)).status).toBe(401)
  const { text } = await ask(`${origin}/api/links`, { method: 'POST', headers: { cookie, origin } })
  const { url } = JSON.parse(text)
  const further = await enter(url)
  expect((await ask(origin, { headers: { cookie: further } })).status).toBe(200)
  expect((await ask(url)).status).toBe(401)
})

test('neither HEAD nor a fetch ahead uses up a link', async () => {
  const { text } = await ask(`${origin}/api/links`, { method: 'POST', headers: { cookie, origin } })
  const { url } = JSON.parse(text)
  for (const [method, header, value] of [
    ['HEAD', 'accept', '*/*'],
    ['GET', 'sec-purpose', 'prefetch'],
    ['GET', 'sec-purpose', 'prefetch;prerender'],
    ['GET', 'purpose', 'prefetch']
  ] as const) {
    const { status, headers } = await ask(url, { method, headers: { [header]: value } })
    expect([method, value, status, headers['set-cookie']]).toEqual([method, value, 403, undefined])
  }
  expect((await ask(url)).status).toBe(303)
})

test('the cookie is out of reach of scripts and of other sites', async () => {
  const { text } = await ask(`${origin}/api/links`, { method: 'POST', headers: { cookie, origin } })
  const { headers, status } = await ask(JSON.parse(text).url)
  expect([status, headers.location]).toEqual([303, '/'])
  expect(String(headers['set-cookie'])).toMatch(/^gatepost_console=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
})

test.each(['evil.example', 'evil.example:9400', '127.0.0.1.evil.example', 'localhost.evil.example', '127.0.0.2'])(
  'a name that leads here is not enough: Host %j is refused, with the cookie too',
  async (host) => {
    expect((await ask(origin, { headers: { cookie, host } })).status).toBeGreaterThanOrEqual(400)
    expect((await ask(`${origin}/open?token=${TOKEN}`, { headers: { host } })).status).not.toBe(303)
  }
)

test.each([
  {},
  { origin: 'http://evil.example' },
  { origin: 'null' },
  { origin: 'http://127.0.0.1:3000' },
  { origin: 'https://127.0.0.1' },
  { origin: '', 'sec-fetch-site': 'same-origin' }
])('what changes something needs the console’s own origin: %j', async (headers) => {
  for (const [method, path] of everyRoute().filter(([method, path]) => method !== 'GET' && path !== '/v1/traces')) {
    expect((await ask(origin + path, { method, headers: { ...headers, cookie } as Record<string, string> })).status)
      .toBe(403)
  }
})

test('a request of another site is refused, whatever origin it claims', async () => {
  const headers = { cookie, origin, 'sec-fetch-site': 'same-site' }
  expect((await ask(`${origin}/api/links`, { method: 'POST', headers })).status).toBe(403)
})

test('traces need their own token, and the cookie is none', async () => {
  const send = (headers: Record<string, string>, body = '{"resourceSpans":[]}') =>
    ask(`${origin}/v1/traces`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })
  const authorization = `Bearer ${TRACES}`
  expect((await send({ authorization })).status).toBe(200)
  expect((await send({ cookie, origin })).status).toBe(401)
  expect((await send({ authorization: 'Bearer x' })).status).toBe(401)
  expect((await send({ authorization }, '{"resourceSpans":')).status).toBe(400)
  expect((await send({ authorization }, `{"a":"${'x'.repeat(5_000_000)}"}`)).status).toBe(413)
  expect((await send({ authorization, 'content-type': 'application/x-protobuf' })).status).toBe(415)
})

test('the largest export that our processes send is taken whole', async () => {
  const value = { stringValue: 'x'.repeat(50) }
  const attributes = Array.from({ length: 20 }, (_, at) => ({ key: `key ${at}`, value }))
  const spans = Array.from({ length: 512 }, (_, at) => ({
    traceId: String(at).padStart(32, '0'),
    spanId: String(at + 1).padStart(16, '0'),
    name: 'POST /api/posts',
    startTimeUnixNano: '1795959120114123456',
    endTimeUnixNano: '1795959120116623456',
    attributes
  }))
  const { status, text } = await ask(`${origin}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TRACES}` },
    body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] })
  })
  expect([status, text]).toEqual([200, '{}'])
})

test('all that a browser loads is at most 80 kB compressed, without the charts', async () => {
  const files = everyRoute().map(([, path]) => path).filter((path) => /^\/(web|lib|style)\//.test(path))
  expect(files.length).toBeGreaterThan(15)
  const sizes = await Promise.all(files.filter((path) => !path.includes('uplot')).map(async (path) =>
    gzipSync((await ask(origin + path, { headers: { cookie } })).text).length
  ))
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(80_000)
})

test('pages load nothing from elsewhere and run nothing inline', async () => {
  const { headers, text } = await ask(origin, { headers: { cookie } })
  expect(headers['content-security-policy']).toMatch(/default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/)
  expect(String(headers['content-security-policy'])).not.toMatch(/unsafe|http/)
  expect(text).not.toMatch(/<script(?![^>]*src="\/)|style=|https?:/)
})
