import type { Operation } from '@gatepost/contracts/operation'
import type { FastifyReply } from 'fastify'
import { util } from 'undici'
import { addVary } from './vary.ts'

/**
 * Headers that every service may send to clients. The rest stays inside: hop-by-hop headers, cookies, names of
 * servers, policy that is the gateway's.
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

/** Names that the gateway sets itself, even where an operation declares them; `vary` it merges. */
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
 * The headers that an answer has in the end, beside those of the reply: names and values in turn. Undefined when the
 * answer is not one that a service of ours gives.
 */
export type ResponseHeaders = (reply: FastifyReply, status: number, raw: readonly Buffer[]) => string[] | undefined

/**
 * Makes the function that adds to the `fixed` headers those of an operation's answer that may pass; `vary` it joins to
 * the reply's. Reads them off the parser's buffers: most never become texts. Of a doubled one the first counts.
 */
export function responseHeadersOf (operation: Operation, fixed: readonly string[]): ResponseHeaders {
  const declared = Object.values(operation.responses).flatMap(({ headers }) => Object.keys(headers ?? {}))
  const allowed = new Set([...ALWAYS, ...declared].filter((name) => !POLICY.test(name)).concat('vary'))

  return function responseHeaders (reply, status, raw) {
    const built = [...fixed]
    let type = ''
    for (let i = 0; i < raw.length; i += 2) {
      const name = util.headerNameToString(raw[i]!)
      if (!allowed.has(name) || hasName(built, name, fixed.length)) continue
      if (name === 'content-length' && status === 204) continue // RFC 9110 8.6
      const value = raw[i + 1]!.toString('latin1')
      if (name === 'location' && !isLocal(value)) continue
      if (name === 'content-type') type = value
      if (name === 'vary') addVary(reply, value)
      else built.push(name, value)
    }
    return status < 400 || type.startsWith('application/problem+json') ? built : undefined
  }
}

function hasName (headers: readonly string[], name: string, from: number) {
  for (let i = from; i < headers.length; i += 2) if (headers[i] === name) return true
  return false
}

/** A link to another origin, an internal one at worst, is not for clients. */
function isLocal (location: string) {
  return location.charCodeAt(0) === 47 && location.charCodeAt(1) !== 47 && location.charCodeAt(1) !== 92
}
