/**
 * Longer than any target that our operations could need: a query of 512 characters of cursor and 200 of text, encoded.
 */
const MAX_TARGET = 4096

export type TargetFault = 'malformed' | 'too-long'

/** The form of nearly every path. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9_-]+)+(?:\?|$)/
/** RFC 3986 `pchar` without `;`, which some servers cut paths at. */
const PATH_CHARACTERS = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@/]|%[0-9A-Fa-f]{2})*$/
/**
 * Characters that mean the same bare or encoded, and the ones whose encoding is read differently by different servers.
 */
const ENCODED_AMBIGUITY = /%(?:2[5DdEeFf]|3[0-9Bb]|4[1-9A-Fa-f]|5[0-9AaCcFf]|6[1-9A-Fa-f]|7[0-9AaEeFf]|[01][0-9A-Fa-f])/
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/
/** Printable ASCII without the characters that browsers always encode in a query: `"#<>`. */
const QUERY_CHARACTERS = /^[!$-;=?-~]*$/

/** Whether a target's path is made of segments that nobody can decode or resolve into anything but themselves. */
export function isPlainPath (target: string): boolean {
  return PLAIN_PATH.test(target)
}

/**
 * Checks the request target as it came off the wire (RFC 9112 3.2.1, origin-form only). What passes means the same to
 * every parser, so that one string serves for routing, authorising and forwarding. Returns the fault, if there is one.
 */
export function faultOfTarget (target: string): TargetFault | undefined {
  if (target.length > MAX_TARGET) return 'too-long'
  const end = target.indexOf('?')
  if (end >= 0 && !QUERY_CHARACTERS.test(target.slice(end + 1))) return 'malformed'
  if (isPlainPath(target)) return undefined
  const path = end < 0 ? target : target.slice(0, end)
  if (path.charCodeAt(0) !== 47 || path.includes('//') || DOT_SEGMENT.test(path)) return 'malformed'
  if (!PATH_CHARACTERS.test(path) || ENCODED_AMBIGUITY.test(path) || !isDecodable(path)) return 'malformed'
  return undefined
}

function isDecodable (path: string) {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false // not UTF-8
  }
}

/** RFC 9110 7.2: exactly one host, with an optional port. Duplicates arrive joined by a comma. */
const HOST = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/
let lastGoodHost = ''

/** Whether the Host header is one that every reader understands alike. */
export function isHost (host: string | undefined): boolean {
  if (host === lastGoodHost && host !== '') return true
  if (host === undefined || !HOST.test(host)) return false
  lastGoodHost = host
  return true
}
