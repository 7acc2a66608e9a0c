import { afterAll, beforeAll, expect, test } from 'vitest'
import { settingsSchema } from '../src/config.ts'
import { parseSettings } from '@gatepost/service-kit/settings'
import { startGateway, type TestGateway } from './support/gateway.ts'

test.each(['true', '1', 'loopback', '10.0.0.0/33', '10.0.0.0/x', 'example.org'])(
  'TRUSTED_PROXIES=%s is refused at boot',
  (value) => {
    expect(() => parseSettings(settingsSchema, { TRUSTED_PROXIES: value })).toThrow(/TRUSTED_PROXIES/)
  }
)

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startGateway({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '1 minute' })
})
afterAll(async () => {
  await gateway.stop()
})

test('behind a trusted proxy each client has limits of its own, and services learn who it is', async () => {
  const from = (client: string) =>
    gateway.call('/api/posts', { headers: { 'x-forwarded-for': client, 'x-forwarded-proto': 'https' } })
  expect([
    (await from('198.51.100.1')).status,
    (await from('198.51.100.1')).status,
    (await from('198.51.100.1')).status
  ]).toEqual([200, 200, 429])
  expect((await from('198.51.100.2')).status).toBe(200)
  expect(gateway.upstream.received.at(-1)!.headers).toMatchObject({
    'x-forwarded-for': '198.51.100.2',
    'x-forwarded-proto': 'https',
    forwarded: expect.stringMatching(/^for=198\.51\.100\.2;host="127\.0\.0\.1:\d+";proto=https$/)
  })
})

let host = 0
test.each([
  [
    'host and port',
    { 'x-forwarded-host': 'api.example.org', 'x-forwarded-port': '8443', 'x-forwarded-proto': 'https' },
    'host="api.example.org:8443";proto=https'
  ],
  ['the default port', {
    'x-forwarded-host': 'api.example.org',
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https'
  }, 'host="api.example.org";proto=https'],
  [
    'a host with a port of its own',
    { 'x-forwarded-host': 'api.example.org:9000', 'x-forwarded-port': '8080' },
    'host="api.example.org:9000";proto=http'
  ],
  ['what the nearest proxy wrote', {
    'x-forwarded-host': 'evil.example, api.example.org',
    'x-forwarded-proto': 'https,http'
  }, 'host="api.example.org";proto=http'],
  ['no host', { 'x-forwarded-host': 'a";proto=https,for="' }, 'host="127.0.0.1:PORT";proto=http'],
  [
    'no port',
    { 'x-forwarded-host': 'api.example.org', 'x-forwarded-port': '70000' },
    'host="api.example.org";proto=http'
  ],
  [
    'no protocol',
    { 'x-forwarded-host': 'api.example.org', 'x-forwarded-proto': 'gopher' },
    'host="api.example.org";proto=http'
  ]
])('a trusted proxy says what the client called: %s', async (_name, headers, expected) => {
  await gateway.call('/api/posts', {
    headers: { 'x-forwarded-for': `203.0.113.${++host}`, ...headers } as Record<string, string>
  })
  const { forwarded } = gateway.upstream.received.at(-1)!.headers
  expect(forwarded).toBe(`for=203.0.113.${host};${expected.replace('PORT', String(gateway.port))}`)
})
