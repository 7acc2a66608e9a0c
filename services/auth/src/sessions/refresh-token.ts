import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** The content of a refresh token with a good MAC. */
export interface RefreshTokenContent {
  sessionId: string
  counter: number
}

const VERSION = 1
const ID_BYTES = 16
const CONTENT_BYTES = 1 + ID_BYTES + 4
const MAC_BYTES = 32
const TOKEN_LENGTH = Math.ceil((CONTENT_BYTES + MAC_BYTES) * 4 / 3)

/**
 * base64url(version | session | counter | HMAC). A pure function of session and counter, so that two tabs that race get
 * the same successor; keyed, so that a reader of the database forges none.
 */
export function encodeRefreshToken (key: KeyObject, { sessionId, counter }: RefreshTokenContent) {
  const content = Buffer.alloc(CONTENT_BYTES)
  content.writeUInt8(VERSION)
  content.write(sessionId.replaceAll('-', ''), 1, 'hex')
  content.writeUInt32BE(counter, 1 + ID_BYTES)
  return Buffer.concat([content, mac(key, content)]).toString('base64url')
}

/**
 * The content of a token that {@link encodeRefreshToken} made with this key; null for any other text. Does not read the
 * database.
 */
export function decodeRefreshToken (key: KeyObject, token: string): RefreshTokenContent | null {
  if (token.length !== TOKEN_LENGTH) return null
  const bytes = Buffer.from(token, 'base64url')
  // Node skips foreign characters and ignores stray bits: without this check a token would have many spellings.
  if (bytes.length !== CONTENT_BYTES + MAC_BYTES || bytes.toString('base64url') !== token) return null
  const content = bytes.subarray(0, CONTENT_BYTES)
  if (!timingSafeEqual(mac(key, content), bytes.subarray(CONTENT_BYTES)) || content[0] !== VERSION) return null
  return { sessionId: idOf(content.toString('hex', 1, 1 + ID_BYTES)), counter: content.readUInt32BE(1 + ID_BYTES) }
}

function mac (key: KeyObject, content: Buffer) {
  return createHmac('sha256', key).update(content).digest()
}

function idOf (hex: string) {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
