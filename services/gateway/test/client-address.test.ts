import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientFinder } from '../src/admission/client-address.ts'
import { settingsSchema } from '../src/config.ts'
import { parseSettings } from '@gatepost/service-kit/settings'
import { startGateway, type TestGateway } from './support/gateway.ts'

const find = clientFinder(['10.0.0.0/8', '127.0.0.1', '2001:db8:ffff::/48'])
const address = (peer: string, forwarded?: string) => find(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }).address

test.each([
  ['without a proxy, the peer', '203.0.113.7', undefined, '203.0.113.7'],
  ['a stranger’s header is not believed', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  ['a trusted proxy’s is', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['what the client put in front is not', '10.1.2.3', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
  ['through two trusted proxies', '10.1.2.3', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['all of them trusted: the farthest', '10.1.2.3', '10.0.0.2, 10.9.9.9', '10.0.0.2'],
  ['with a port', '127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
  ['IPv6 in brackets', '127.0.0.1', '[2001:db8::1]:4711', '2001:db8:0:0:0:0:0:1'],
  ['an IPv4-mapped peer is the IPv4 one', '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['nonsense stops the search at the last that is known', '10.1.2.3', '198.51.100.1, not-an-address', '10.1.2.3'],
  ['an endless list is not read', '10.1.2.3', Array(100).fill('198.51.100.1').join(','), '10.1.2.3'],
  ['a trusted IPv6 proxy', '2001:db8:ffff::5', '198.51.100.1', '198.51.100.1']
])('%s', (_name, peer, forwarded, expected) => { expect(address(peer, forwarded)).toBe(expected) })

test('limits count an IPv6 client by its /64, and IPv4-mapped addresses as IPv4', () => {
  const keyOf = (peer: string) => clientFinder([])(peer, {}).key
  expect(keyOf('2001:db8:1:2:aaaa::1')).toBe(keyOf('2001:db8:1:2:ffff:1:2:3'))
  expect(keyOf('2001:db8:1:2::1')).not.toBe(keyOf('2001:db8:1:3::1'))
  expect(keyOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(keyOf('::ffff:c000:201')).toBe('192.0.2.1')
  expect(keyOf('fe80::1%eth0')).toBe(keyOf('fe80::2'))
})

test.each(['true', '1', 'loopback', '10.0.0.0/33', '10.0.0.0/x', 'example.org'])('TRUSTED_PROXIES=%s is refused at boot', (value) => {
  expect(() => parseSettings(settingsSchema, { TRUSTED_PROXIES: value })).toThrow(/TRUSTED_PROXIES/)
})

let gateway: TestGateway
beforeAll(async () => { gateway = await startGateway({ TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_MAX: '2', RATE_LIMIT_WINDOW: '1 minute' }) })
afterAll(async () => { await gateway.stop() })

test('behind a trusted proxy each client has limits of its own, and services learn who it is', async () => {
  const from = (client: string) => gateway.call('/api/posts', { headers: { 'x-forwarded-for': client, 'x-forwarded-proto': 'https' } })
  expect([(await from('198.51.100.1')).status, (await from('198.51.100.1')).status, (await from('198.51.100.1')).status]).toEqual([200, 200, 429])
  expect((await from('198.51.100.2')).status).toBe(200)
  expect(gateway.upstream.received.at(-1)!.headers).toMatchObject({ 'x-forwarded-for': '198.51.100.2', 'x-forwarded-proto': 'https', forwarded: expect.stringMatching(/^for=198\.51\.100\.2;host="127\.0\.0\.1:\d+";proto=https$/) })
})
