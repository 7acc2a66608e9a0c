import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, isIPv4 } from 'node:net'

export interface ClientAddress {
  /** The address of the client as far as trusted proxies say; IPv4-mapped addresses as IPv4. */
  address: string
  /** What limits count: an IPv4 address, or the /64 that an IPv6 client may change its address within. */
  key: string
  /** Whether the peer is a trusted proxy, whose other X-Forwarded-* headers count too. */
  trusted: boolean
}

export type FindClient = (peer: string, headers: IncomingHttpHeaders) => ClientAddress

/** More hops than a real chain of proxies has; a longer list is an attempt to make us read it. */
const MAX_HOPS = 16
const known = new Map<string, ClientAddress>()
const MAX_KNOWN = 10_000

/**
 * Says who the client is: the nearest address that is not a trusted proxy, read from the right, because every proxy
 * appends and only the left end is the client's own invention.
 */
export function clientFinder (trustedProxies: readonly string[]): FindClient {
  if (trustedProxies.length === 0) return (peer) => describe(peer, false)
  const proxies = new BlockList()
  for (const range of trustedProxies) {
    const [address = '', bits] = range.split('/')
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    proxies.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  }
  const isTrusted = (address: string) => proxies.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')

  return (peer, headers) => {
    let address = normalize(peer)
    if (!isTrusted(address)) return describe(peer, false)
    const hops = String(headers['x-forwarded-for'] ?? '').split(',', MAX_HOPS + 1)
    if (hops.length <= MAX_HOPS) {
      for (const hop of hops.reverse()) {
        const next = addressOf(hop)
        if (next === undefined) break
        address = next
        if (!isTrusted(address)) break
      }
    }
    return describe(address, true)
  }
}

function describe (peer: string, trusted: boolean): ClientAddress {
  const found = known.get(peer)
  if (found?.trusted === trusted) return found
  const address = normalize(peer)
  const client = { address, key: isIPv4(address) ? address : prefixOf(address), trusted }
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(peer, client)
  return client
}

/** One element of X-Forwarded-For: an address, perhaps with a port. Undefined for anything else. */
function addressOf (hop: string) {
  const text = hop.trim()
  const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text
  return isIP(bare) ? normalize(bare) : undefined
}

function normalize (address: string) {
  const withoutZone = address.split('%', 1)[0]!
  if (isIPv4(withoutZone)) return withoutZone
  const groups = groupsOf(withoutZone)
  if (groups === undefined) return withoutZone
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (mapped) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
  return groups.map((group) => group.toString(16)).join(':')
}

/** The first 64 bits of a normalised IPv6 address: what one subscriber usually holds. */
function prefixOf (address: string) {
  return `${address.split(':', 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address (RFC 4291 2.2), or undefined. */
function groupsOf (address: string): number[] | undefined {
  if (isIP(address) !== 6) return undefined
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`)
  const [head = '', tail] = hex.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => parseInt(group, 16))
}
