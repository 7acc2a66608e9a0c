import { pino } from 'pino'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { clientFinder } from '../src/client-address.ts'
import { canonicalAddress, isPrivateAddress, networkOf, parseNetwork } from '../src/network-address.ts'

function finder (trustedProxies: string[]) {
  const lines: string[] = []
  const registry = new Registry()
  const find = clientFinder({
    trustedProxies,
    registry,
    log: pino({}, {
      write: (line: string) => {
        lines.push(line)
      }
    })
  })
  const from = (peer: string, forwarded?: string) =>
    find(peer, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded })
  const doubts = async () =>
    Object.fromEntries((await registry.getMetricsAsJSON())[0]!.values.map(({ labels, value }) => [labels.cause, value]))
  return { from, lines, doubts }
}

const { from } = finder(['10.0.0.0/8', '127.0.0.1', '2001:db8:ffff::/48'])
test.each([
  ['without a proxy, the peer', '203.0.113.7', undefined, '203.0.113.7'],
  ['a stranger’s header is not believed', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
  ['a trusted proxy’s is', '10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['what the client put in front is not', '10.1.2.3', '1.2.3.4, 198.51.100.1', '198.51.100.1'],
  ['through two trusted proxies', '10.1.2.3', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['all of them trusted: the farthest', '10.1.2.3', '10.0.0.2, 10.9.9.9', '10.0.0.2'],
  ['with a port', '127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
  ['IPv6 in brackets', '127.0.0.1', '[2001:db8:0::1]:4711', '2001:db8::1'],
  ['an IPv4-mapped peer is the IPv4 one', '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['an IPv4-mapped hop is the IPv4 one', '10.1.2.3', '198.51.100.1, ::ffff:a09:909', '198.51.100.1'],
  [
    'nonsense stops the search at the last that is known',
    '10.1.2.3',
    '198.51.100.1, not-an-address, 10.0.0.2',
    '10.0.0.2'
  ],
  ['an empty header', '10.1.2.3', '', '10.1.2.3'],
  ['commas alone', '10.1.2.3', ',,,', '10.1.2.3'],
  ['a trailing comma', '10.1.2.3', '198.51.100.1,', '10.1.2.3'],
  ['1,000 hops in front', '10.1.2.3', `${Array(1000).fill('1.2.3.4').join(',')},198.51.100.1`, '198.51.100.1'],
  ['1,000 trusted hops behind', '10.1.2.3', `198.51.100.1,${Array(1000).fill('10.0.0.9').join(',')}`, '198.51.100.1'],
  ['a trusted IPv6 proxy', '2001:db8:ffff::5', '198.51.100.1', '198.51.100.1'],
  ['a connection that is gone', '', '198.51.100.1', '']
])('%s', (_name, peer, forwarded, expected) => { expect(from(peer, forwarded).address).toBe(expected) })

test('limits count an IPv6 client by its /64, and IPv4-mapped addresses as IPv4', () => {
  const keyOf = (peer: string) => finder([]).from(peer).key
  expect(keyOf('2001:db8:1:2:aaaa::1')).toBe(keyOf('2001:db8:1:2:ffff:1:2:3'))
  expect(keyOf('2001:db8:1:2::1')).not.toBe(keyOf('2001:db8:1:3::1'))
  expect(keyOf('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(keyOf('::ffff:c000:201')).toBe('192.0.2.1')
  expect(keyOf('fe80::1%eth0')).toBe(keyOf('fe80::2'))
})

test.each([
  ['2001:DB8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4::/64'],
  ['1:2:3::8', '1:2:3:0::/64'],
  ['::1.2.3.4', '0:0:0:0::/64'],
  ['64:ff9b::1.2.3.4', '64:ff9b:0:0::/64'],
  ['192.0.2.1', '192.0.2.1']
])('the network of %s is %s', (address, network) => {
  expect(networkOf(canonicalAddress(address)!)).toBe(network)
})

test.each([
  ['10.0.0.0/8', 'ipv4', 8],
  ['10.0.0.7', 'ipv4', 32],
  ['::1', 'ipv6', 128],
  ['2001:db8::/32', 'ipv6', 32],
  ['::ffff:10.0.0.0/104', 'ipv4', 8],
  ['::ffff:10.0.0.1', 'ipv4', 32]
])('%s is a network', (text, family, bits) => {
  expect(parseNetwork(text)).toMatchObject({ family, bits })
})

test.each([
  '',
  'true',
  '1',
  'loopback',
  '10.0.0.0/33',
  '::/129',
  '10.0.0.0/x',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  '10.0.0',
  'fe80::1%eth0',
  '::ffff:10.0.0.0/8',
  'example.org'
])('%j is no network', (text) => {
  expect(() => parseNetwork(text)).toThrow(TypeError)
})

test.each([
  ['127.0.0.1', true],
  ['10.1.1.1', true],
  ['172.31.0.1', true],
  ['172.32.0.1', false],
  ['fd00::1', true],
  ['fe80::1', true],
  ['203.0.113.1', false],
  ['2001:db8::1', false]
])('whether %s is private: %s', (address, expected) => {
  expect(isPrivateAddress(address)).toBe(expected)
})

test('an untrusted proxy is logged once and counted, a stranger with a header is neither', async () => {
  const { from, lines, doubts } = finder(['10.0.0.0/8'])
  for (let n = 0; n < 3; n++) from('192.168.0.7', '198.51.100.1')
  from('203.0.113.7', '198.51.100.1')
  from('192.168.0.8')
  expect(await doubts()).toEqual({ proxy: 0, unbelieved: 3 })
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([expect.stringContaining('TRUSTED_PROXIES')])
})

test('requests with a trusted proxy’s own address are counted', async () => {
  const { from, doubts } = finder(['10.0.0.0/8'])
  from('10.0.0.1', '198.51.100.1')
  from('10.0.0.1')
  from('10.0.0.1', '10.0.0.2, 10.0.0.3')
  from('10.0.0.1', 'unknown')
  expect(await doubts()).toEqual({ proxy: 3, unbelieved: 0 })
})

test.each(['0.0.0.0/0', '::/0', '::ffff:0:0/96'])('TRUSTED_PROXIES=%s makes a warning', (range) => {
  expect(finder([range]).lines.join()).toContain('any client chooses')
})
