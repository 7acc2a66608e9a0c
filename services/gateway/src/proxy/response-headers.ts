import type { IncomingHttpHeaders } from 'node:http'
import type { Operation } from '@gatepost/contracts/operation'

/**
 * What any service may say to clients. The rest stays inside: hop-by-hop headers, cookies, names of servers, policy
 * that is the gateway's.
 */
const ALWAYS = [
  'content-type',
  'content-length',
  'content-language',
  'cache-control',
  'etag',
  'last-modified',
  'location',
  'retry-after',
  'www-authenticate',
  'allow'
]

/** Names that the gateway sets itself, whatever an operation declares; `vary` it merges. */
const POLICY = new RegExp(`^(?:${
  [
    'access-control-',
    'content-security-policy',
    'cross-origin-',
    'ratelimit',
    'strict-transport-security',
    'x-(?:request-id|powered-by|content-type-|frame-|dns-|download-|permitted-|xss-)',
    '(?:server|connection|keep-alive|transfer-encoding|set-cookie|vary)$'
  ].join('|')
})`)

/**
 * Makes the function that filters the headers of an operation's answer into names and values in turn. Undefined when
 * the answer is not one that a service of ours gives.
 */
export function responseHeadersOf (operation: Operation) {
  const declared = Object.values(operation.responses).flatMap(({ headers }) => Object.keys(headers ?? {}))
  const allowed = [...new Set([...ALWAYS, ...declared])].filter((name) => !POLICY.test(name))

  return function responseHeaders (status: number, headers: IncomingHttpHeaders): string[] | undefined {
    if (status >= 400 && headers['content-type']?.startsWith('application/problem+json') !== true) return undefined
    const built: string[] = []
    for (const name of allowed) {
      const value = headers[name]
      if (typeof value !== 'string') continue
      if (name === 'content-length' && status === 204) continue // RFC 9110 8.6
      if (name === 'location' && !isLocal(value)) continue
      built.push(name, value)
    }
    return built
  }
}

/** A link to another origin, an internal one at worst, is not for clients. */
function isLocal (location: string) {
  return location.charCodeAt(0) === 47 && location.charCodeAt(1) !== 47 && location.charCodeAt(1) !== 92
}
