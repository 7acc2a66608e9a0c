import { randomBytes } from 'node:crypto'

const ACCEPTED = /^[A-Za-z0-9_-]{8,64}$/
const prefix = randomBytes(9).toString('base64url')
let counter = 0

/**
 * A request id: the client's own if it is harmless, otherwise one that is unique across processes, for the price of a
 * counter.
 */
export function requestId (offered: string | string[] | undefined): string {
  if (typeof offered === 'string' && ACCEPTED.test(offered)) return offered
  return `${prefix}-${(counter++).toString(36).padStart(4, '0')}`
}
