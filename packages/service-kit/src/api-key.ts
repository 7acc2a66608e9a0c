import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const PREFIX = 'gp_'
const SECRET_BYTES = 32
const ID_LENGTH = 22
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
const FORM =
  new RegExp(`^${PREFIX}([0-9A-Za-z]{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH}}_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`)
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Makes the text of a new key: `gp_<id>_<secret of 256 bits>_<CRC-32>`, each part in base 62. */
export function createApiKeyText (id: string): string {
  const secret = BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`)
  const body = `${PREFIX}${base62(BigInt(`0x${id.replaceAll('-', '')}`), ID_LENGTH)}_${base62(secret, SECRET_LENGTH)}`
  return `${body}_${checksumOf(body)}`
}

/** Whether a bearer token claims to be an API key, well formed or not. */
export function looksLikeApiKey (token: string): boolean {
  return token.startsWith(PREFIX)
}

/** The id of a well-formed key; undefined when its form or its checksum is wrong. Asks no service. */
export function idOfApiKey (key: string): string | undefined {
  const [, id, checksum] = FORM.exec(key) ?? []
  if (id === undefined || checksum !== checksumOf(key.slice(0, -CHECKSUM_LENGTH - 1))) return undefined
  const hex = [...id].reduce((sum, digit) => sum * 62n + BigInt(DIGITS.indexOf(digit)), 0n).toString(16).padStart(
    32,
    '0'
  )
  return hex.length > 32 ? undefined : hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function checksumOf (body: string) {
  return base62(BigInt(crc32(body)), CHECKSUM_LENGTH)
}

function base62 (value: bigint, length: number) {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text
  return text
}
