/** The most of a path that an answer repeats. */
const MAX_INSTANCE = 256
/** Characters that RFC 3986 allows in a path; everything else, also a stray percent sign, is escaped. */
const NOT_OF_A_PATH = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]|%(?![0-9A-Fa-f]{2})/g

/**
 * The path of a request target as a URI reference, for `instance` of RFC 9457. Node reads targets as one byte a
 * character.
 */
export function instanceOf (target: string): string {
  return target.slice(0, endOfPath(target)).slice(0, MAX_INSTANCE).replace(NOT_OF_A_PATH, percentEncoded)
}

function percentEncoded (character: string) {
  return `%${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`
}

/**
 * The target to route by: the sent one, or a valid one in place of a path that is not percent-encoded UTF-8. Fastify's
 * router answers such a path before any hook; in this way it meets the token check, the limits and the log, and no
 * parameter fits it.
 */
export function routableTarget (target: string): string {
  const end = endOfPath(target)
  const path = target.slice(0, end)
  return isDecodable(path) ? target : path.replaceAll('%', '%25') + target.slice(end)
}

/** Whether a text is valid percent-encoded UTF-8. */
export function isDecodable (text: string): boolean {
  if (!text.includes('%')) return true
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** The router ends a path at a fragment too, which no target should have. */
function endOfPath (target: string) {
  const end = target.search(/[?#]/)
  return end < 0 ? target.length : end
}
