import { BlockList, isIP } from 'node:net'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** The client's address as the gateway saw it; null when nothing trustworthy names one. */
    clientAddress: string | null
  }
}

/** Throws for what is neither an address nor a CIDR network. */
export function checkCidr (item: string) {
  const [address = '', prefix] = item.split('/')
  const bits = isIP(address) === 6 ? 128 : 32
  if (isIP(address) === 0 || (prefix !== undefined && !(/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))) throw new TypeError(`not a network: ${item}`)
}

/**
 * Finds the client's address. Forwarding headers count only when the peer is the gateway (loopback, or a trusted
 * network): anybody else could choose the address that failed logins are counted by.
 */
export const clientAddress = fp<{ trustedProxies: readonly string[] }>(async (app, { trustedProxies }) => {
  const trusted = new BlockList()
  for (const network of ['127.0.0.0/8', '::1', ...trustedProxies]) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  app.decorateRequest('clientAddress', null)
  app.addHook('onRequest', (request, _reply, done) => {
    const peer = plainAddress(request.socket.remoteAddress ?? '')
    request.clientAddress = peer
    if (peer !== null && isTrusted(peer)) {
      const hops = forwardedFor(request.headers.forwarded) ?? listed(request.headers['x-forwarded-for'])
      // From the right: what stands left of the first stranger was said by that stranger.
      const stranger = hops.findLastIndex((hop) => hop === null || !isTrusted(hop))
      if (hops.length > 0) request.clientAddress = hops[Math.max(0, stranger)]!
    }
    done()
  })
}, { name: 'client-address' })

/** The `for` parameters of a Forwarded header (RFC 7239); undefined without the header. */
function forwardedFor (header: string | string[] | undefined) {
  if (header === undefined) return undefined
  return String(header).split(',').map((element) => plainAddress(/(?:^|;)\s*for="?([^";,]+)"?/i.exec(element)?.[1] ?? ''))
}

function listed (header: string | string[] | undefined) {
  return header === undefined ? [] : String(header).split(',').map(plainAddress)
}

/** Without port, brackets and IPv4-mapping; null for what is no address. */
function plainAddress (text: string) {
  const trimmed = text.trim()
  const address = (/^\[([^\]]+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? trimmed.replace(/^([\d.]+):\d+$/, '$1')).replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return isIP(address) === 0 ? null : address.toLowerCase()
}
