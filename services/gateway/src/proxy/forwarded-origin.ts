import type { IncomingHttpHeaders } from 'node:http'
import { isHost } from '../admission/canonical-target.ts'

export interface ForwardedOrigin {
  proto: string
  /** With the port, unless it is the default of `proto`. */
  host: string
}

const DEFAULT_PORTS: Record<string, string> = { http: '80', https: '443' }
const PORT = /^[1-9]\d{0,4}$/
const MAX_PORT = 65_535

/**
 * The origin that the client called: of a trusted proxy its X-Forwarded-Proto, -Host and -Port, of everybody else the
 * Host header. A value that is none of its kind is passed over; of a list the last counts, which the trusted proxy
 * wrote.
 */
export function forwardedOrigin (headers: IncomingHttpHeaders, trusted: boolean): ForwardedOrigin {
  if (!trusted) return { proto: 'http', host: headers.host! }
  const said = (name: string) => (headers[name] as string | undefined)?.split(',').at(-1)!.trim()
  const proto = said('x-forwarded-proto') === 'https' ? 'https' : 'http'
  const saidHost = said('x-forwarded-host')
  const host = isHost(saidHost) ? saidHost! : headers.host!
  const port = said('x-forwarded-port') ?? ''
  const addsPort = PORT.test(port) && Number(port) <= MAX_PORT && port !== DEFAULT_PORTS[proto] && !/:\d+$/.test(host)
  return { proto, host: addsPort ? `${host}:${port}` : host }
}
