import type { IncomingHttpHeaders } from 'node:http'
import { Counter, type Registry } from 'prom-client'
import type { Logger } from 'pino'
import { canonicalAddress, isPrivateAddress, networkMembership, networkOf, parseNetwork } from './network-address.ts'
import { list } from './setting-kinds.ts'

/** The setting `TRUSTED_PROXIES`: addresses and CIDR ranges. */
export function trustedProxies (options: { description: string }) {
  return list({ ...options, needs: 'a comma-separated list of addresses and CIDR ranges', check: parseNetwork })
}

export interface ClientAddress {
  /** The client's address in its canonical form, as far as trusted proxies name it; '' when the connection is gone. */
  address: string
  /** The key that limits count by: an IPv4 address, or the /64 of an IPv6 address. */
  key: string
  /** Whether the peer is a trusted proxy, whose other X-Forwarded-* headers are believed too. */
  trusted: boolean
}

export type FindClient = (peer: string, headers: IncomingHttpHeaders) => ClientAddress

export interface ClientFinderOptions {
  /** Addresses and CIDR ranges whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[]
  log: Pick<Logger, 'warn'>
  registry?: Registry
}

const MAX_PEERS = 10_000

/**
 * Finds the client: the nearest address that is no trusted proxy, read from the right. Every proxy appends, so only the
 * left end is the client's own invention. A hop that is no address ends the search at the last known address. The HTTP
 * parser bounds the header, and the search reads no further than its answer.
 */
export function clientFinder ({ trustedProxies, log, registry }: ClientFinderOptions): FindClient {
  const isTrusted = networkMembership(trustedProxies)
  const doubts = countDoubts(registry)
  const peers = new Map<string, ClientAddress>()
  let told = false
  for (const range of trustedProxies) {
    if (parseNetwork(range).bits === 0) {
      log.warn({ range }, 'TRUSTED_PROXIES holds every address: any client chooses the address that limits count')
    }
  }

  /** Remembers peers, which are few and come again; not hops, which clients choose. */
  function identify (peer: string): ClientAddress {
    const known = peers.get(peer)
    if (known !== undefined) return known
    const address = canonicalAddress(peer) ?? ''
    const client = { address, key: networkOf(address), trusted: address !== '' && isTrusted(address) }
    if (peers.size >= MAX_PEERS) peers.clear()
    peers.set(peer, client)
    return client
  }

  /**
   * Tells of a private peer that forwards: it is a proxy whose clients are counted as one. A public peer may be anybody
   * with a header.
   */
  function doubt (peer: string) {
    if (!isPrivateAddress(peer)) return
    doubts.unbelieved++
    if (told) return
    told = true
    log.warn(
      { peer },
      'X-Forwarded-For of a private address is not believed: if it is a proxy, all its clients share one limit until ' +
        'TRUSTED_PROXIES names it'
    )
  }

  return (socketAddress, headers) => {
    const peer = identify(socketAddress)
    const forwarded = headers['x-forwarded-for'] as string | undefined
    if (!peer.trusted) {
      if (forwarded !== undefined) doubt(peer.address)
      return peer
    }
    const address = forwarded === undefined ? peer.address : nearestStranger(forwarded, peer.address, isTrusted)
    if (isTrusted(address)) doubts.proxy++
    return { address, key: networkOf(address), trusted: true }
  }
}

function nearestStranger (forwarded: string, peer: string, isTrusted: (address: string) => boolean) {
  let address = peer
  for (let end = forwarded.length; end >= 0;) {
    const start = forwarded.lastIndexOf(',', end - 1) + 1
    const hop = addressOf(forwarded.slice(start, end).trim())
    if (hop === undefined) return address
    address = hop
    if (start === 0 || !isTrusted(address)) return address
    end = start - 1
  }
  return address
}

/** One element of X-Forwarded-For: an address, perhaps with a port; undefined for any other text. */
function addressOf (hop: string) {
  return canonicalAddress(/^\[([^\]]+)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop)
}

function countDoubts (registry: Registry | undefined) {
  const counts = { proxy: 0, unbelieved: 0 }
  registry?.registerMetric(new Counter({
    name: 'gatepost_client_address_doubtful_total',
    help:
      'Requests counted by an address that may be many clients’: proxy, the address of a trusted proxy itself; ' +
      'unbelieved, a private address outside TRUSTED_PROXIES that sent X-Forwarded-For.',
    labelNames: ['cause'],
    registers: [],
    collect () {
      this.reset()
      for (const [cause, count] of Object.entries(counts)) this.inc({ cause }, count)
    }
  }))
  return counts
}
