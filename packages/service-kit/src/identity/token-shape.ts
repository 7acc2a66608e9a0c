import { SIGNING_ALGORITHMS } from '@gatepost/contracts/auth/schemas'

/** RFC 7515 compact form, strict: no padding, no white space, nothing after the signature of 64 bytes. */
const COMPACT_FORM = /^([A-Za-z0-9_-]{10,512})\.[A-Za-z0-9_-]{10,4096}\.[A-Za-z0-9_-]{85}[AQgw]$/

const ALGORITHMS: ReadonlySet<unknown> = new Set(SIGNING_ALGORITHMS)

/**
 * The key id of a token whose header is exactly one that auth writes (RFC 8725 3.1, 3.11): an algorithm of ours,
 * `at+jwt`, a key id, and nothing else that would change its meaning. Undefined for every other text, without any
 * cryptography. The key alone decides which algorithm the token must have.
 */
export function keyIdOf (token: string): string | undefined {
  const encoded = COMPACT_FORM.exec(token)?.[1]
  if (encoded === undefined) return undefined
  try {
    const header: unknown = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'))
    if (typeof header !== 'object' || header === null || Object.keys(header).length !== 3) return undefined
    const { alg, typ, kid } = header as Record<string, unknown>
    return ALGORITHMS.has(alg) && typ === 'at+jwt' && typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined // not JSON: no token of ours
  }
}

const BEARER = /^Bearer +[^\s,]+ *$/i

/** The token of an Authorization header (RFC 6750 2.1); undefined when the header holds anything else. */
export function tokenOf (authorization: string): string | undefined {
  return BEARER.test(authorization) ? authorization.slice('Bearer'.length).trim() : undefined
}
