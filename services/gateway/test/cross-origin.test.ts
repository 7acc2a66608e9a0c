import { parseSettings } from '@gatepost/service-kit/settings'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsSchema } from '../src/config.ts'
import { startGateway, type TestGateway } from './support/gateway.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({
    CORS_ORIGINS: 'https://app.example,https://*.example.org,http://*.dev.test:8080,capacitor://localhost',
    CORS_HEADERS: 'baggage, Sentry-Trace'
  })
})
afterAll(async () => { await gateway.stop() })

const listOf = (answer: Response, name: string) => answer.headers.get(name)!.split(/, */)
const preflight = (origin: string) =>
  fetch(`${gateway.url}/api/posts`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })

test.each([
  ['https://app.example', true],
  ['capacitor://localhost', true],
  ['https://a.example.org', true],
  ['https://a-1_b.example.org', true],
  ['http://x.dev.test:8080', true],
  ['https://example.org', false],
  ['https://a.b.example.org', false],
  ['https://.example.org', false],
  ['https://-a.example.org', false],
  ['https://*.example.org', false],
  ['https://a.example.org:8443', false],
  ['http://a.example.org', false],
  ['https://aexample.org', false],
  ['https://evil.test/.example.org', false],
  ['https://evil.test#.example.org', false],
  ['https://evil.test@a.example.org', false],
  ['https://a.exampleXorg', false],
  ['https://a.example.org.evil.test', false],
  ['https://A.example.org', false],
  [`https://${'a'.repeat(64)}.example.org`, false],
  ['http://x.dev.test', false],
  ['capacitor://localhost.evil', false],
  ['null', false]
])('a page of %s may call: %s', async (origin, allowed) => {
  for (const answer of [await preflight(origin), await gateway.fetch('/api/posts', { headers: { origin } })]) {
    expect(answer.headers.get('access-control-allow-origin')).toBe(allowed ? origin : null)
    expect(answer.headers.get('vary')).toContain('Origin')
  }
})

test('pages may send what operations take, trace context, and what the setting adds', async () => {
  const allowed = listOf(await preflight('https://app.example'), 'access-control-allow-headers').map((name) =>
    name.toLowerCase()
  )
  expect(allowed)
    .toEqual(expect.arrayContaining([
      'authorization',
      'content-type',
      'idempotency-key',
      'if-match',
      'if-none-match',
      'x-after',
      'traceparent',
      'tracestate',
      'baggage',
      'sentry-trace'
    ]))
})

test.each([{}, { origin: 'https://elsewhere.example' }])('a call from %j is told of no permission', async (headers) => {
  const answer = await gateway.fetch('/api/posts', { headers: headers as Record<string, string> })
  expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
  expect(answer.headers.get('vary')).toMatch(/origin/i)
})

test('pages may read what every answer and any operation says in headers', async () => {
  const exposed = listOf(
    await gateway.fetch('/api/posts', { headers: { origin: 'https://a.example.org' } }) as Response,
    'access-control-expose-headers'
  )
  expect(exposed)
    .toEqual(expect.arrayContaining([
      'etag',
      'location',
      'retry-after',
      'ratelimit',
      'ratelimit-policy',
      'x-request-id',
      'www-authenticate',
      'idempotency-replayed',
      'x-after-applied'
    ]))
})

const parse = (name: string, value: string) => parseSettings(settingsSchema, { [name]: value })
test.each([
  'capacitor://localhost',
  'tauri://localhost',
  'ionic://localhost',
  'chrome-extension://abcdefghijklmnop',
  'http://localhost:5173',
  'https://*.a.example.org:8443',
  'http://[::1]:3000'
])('CORS_ORIGINS=%s is taken', (value) => {
  expect(parse('CORS_ORIGINS', value).CORS_ORIGINS).toEqual([value])
})

test.each([
  '*',
  'null',
  'https://*',
  'https://*.org',
  'https://*.',
  'https://a.*.example.org',
  'https://a*.example.org',
  'https://**.example.org',
  'https://*.*.example.org',
  'https://*.10.0.0.1',
  'https://App.example',
  'https://app.example/',
  'https://app.example:443',
  'app.example',
  'file://x',
  'data://x',
  'blob://x',
  'javascript://x',
  'capacitor://*.localhost',
  'capacitor://localhost/',
  'Capacitor://localhost',
  'https://*.example.org/x'
])('CORS_ORIGINS=%s matches no page and is refused at boot', (value) => {
  expect(() => parse('CORS_ORIGINS', value)).toThrow(/CORS_ORIGINS/)
})

test.each(['a b', 'a:b', 'ü', '"x"', 'x(y)'])('CORS_HEADERS=%s is no list of header names', (value) => {
  expect(() => parse('CORS_HEADERS', value)).toThrow(/CORS_HEADERS/)
})
