import fp from 'fastify-plugin'
import { clientFinder } from '@gatepost/service-kit/client-address'
import { canonicalAddress, networkMembership } from '@gatepost/service-kit/network-address'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'

declare module 'fastify' {
  interface FastifyRequest {
    /** The client's address as the gateway saw it; null when no trustworthy peer names one. */
    clientAddress: string | null
  }
}

export interface ClientAddressOptions {
  trustedProxies: readonly string[]
  /** Where auth listens. */
  host: string
  log: Logger
  registry: Registry
}

const LOOPBACK = ['127.0.0.0/8', '::1']
const isLoopbackAddress = networkMembership(LOOPBACK)

/**
 * Finds the client's address. X-Forwarded-For counts only from the gateway (loopback, or a trusted network): any other
 * peer could choose the address that failed logins are counted by.
 */
export const clientAddress = fp<ClientAddressOptions>(async (app, { trustedProxies, host, log, registry }) => {
  if (trustedProxies.length === 0 && !isLoopback(host)) {
    log.warn(
      { host },
      'TRUSTED_PROXIES is empty: a gateway on another host is not believed, and all its clients count as one address'
    )
  }
  const findClient = clientFinder({ trustedProxies: [...LOOPBACK, ...trustedProxies], log, registry })
  app.decorateRequest('clientAddress', null)
  app.addHook('onRequest', (request, _reply, done) => {
    request.clientAddress = findClient(request.socket.remoteAddress ?? '', request.headers).address || null
    done()
  })
}, { name: 'client-address' })

function isLoopback (host: string) {
  return host === 'localhost' || isLoopbackAddress(canonicalAddress(host) ?? '0.0.0.0')
}
