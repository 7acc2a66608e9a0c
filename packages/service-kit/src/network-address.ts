import { BlockList, isIP, SocketAddress } from 'node:net'

const IPV4_MAPPED = /^::ffff:(?=\d+\.)/
const MAPPED_BITS = 96
const familyOf = (address: string) => isIP(address) === 6 ? 'ipv6' : 'ipv4'

/**
 * The one spelling of an IP address (RFC 5952): compressed, in lower case, without zone; an IPv4-mapped address as
 * IPv4. Undefined for anything else.
 */
export function canonicalAddress (text: string): string | undefined {
  if (isIP(text) === 0) return undefined
  return new SocketAddress({ address: text, family: familyOf(text) }).address.replace(IPV4_MAPPED, '')
}

/**
 * The network of one subscriber: a canonical IPv4 address, or the /64 of an IPv6 address, within which hosts choose
 * addresses freely.
 */
export function networkOf (address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  return `${(tail === undefined ? groups : [...groups, 0, 0, 0, 0]).slice(0, 4).join(':')}::/64`
}

export interface Network {
  address: string
  family: 'ipv4' | 'ipv6'
  bits: number
}

/**
 * Reads an address or a CIDR range (RFC 4632); an IPv4-mapped range becomes IPv4. Throws a TypeError for anything else.
 */
export function parseNetwork (text: string): Network {
  const [written = '', prefix] = text.split('/', 2)
  const most = familyOf(written) === 'ipv6' ? 128 : 32
  const bits = prefix === undefined ? most : Number(prefix)
  const address = canonicalAddress(written)
  if (
    address === undefined || written.includes('%') || !(/^\d{1,3}$/.test(prefix ?? '0') && bits <= most) ||
    text.split('/').length > 2
  ) throw new TypeError(`not a network: ${text}`)
  const family = familyOf(address)
  if (family === 'ipv4' && most === 128) {
    // Part of a mapped range is no IPv4 range.
    if (bits < MAPPED_BITS) throw new TypeError(`not a network: ${text}`)
    return { address, family, bits: bits - MAPPED_BITS }
  }
  return { address, family, bits }
}

/** Whether a canonical address lies in one of the networks. */
export function networkMembership (networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const { address, bits, family } of networks.map(parseNetwork)) list.addSubnet(address, bits, family)
  return (address) => list.check(address, familyOf(address))
}

/** Networks of proxies: private ones (RFC 1918, RFC 6598, RFC 4193), the own host and the own link. */
const PRIVATE_NETWORKS = [
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10'
]

/** Whether a canonical address belongs to no public network. */
export const isPrivateAddress = networkMembership(PRIVATE_NETWORKS)
