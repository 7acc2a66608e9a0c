import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'

/** What data at rest is worth nothing without, by the name of its variable; and the list of subscribers. */
export type Secrets = Record<string, string>

const CIPHER = 'aes-256-gcm'
const [SALT_BYTES, IV_BYTES, TAG_BYTES] = [16, 12, 16]
const SHORTEST = 12

/** The key takes half a second and 64 MB to derive, which is what guessing a passphrase costs. */
const keyOf = (passphrase: string, salt: Buffer) =>
  scryptSync(passphrase.normalize('NFC'), salt, 32, { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 })

/** What BACKUP_PASSPHRASE says. Throws with what to do. */
export function passphraseFrom (env: Readonly<Record<string, string | undefined>>): string {
  const { BACKUP_PASSPHRASE: passphrase = '' } = env
  if (passphrase.length < SHORTEST) {
    throw new Error(
      `BACKUP_PASSPHRASE needs at least ${SHORTEST} characters: the secrets in a backup are encrypted with it`
    )
  }
  return passphrase
}

/** Encrypts secrets. */
export function seal (secrets: Secrets, passphrase: string): Buffer {
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(IV_BYTES)]
  const cipher = createCipheriv(CIPHER, keyOf(passphrase, salt), iv)
  const sealed = Buffer.concat([cipher.update(JSON.stringify(secrets)), cipher.final()])
  return Buffer.concat([salt, iv, cipher.getAuthTag(), sealed])
}

/** Decrypts what {@link seal} made. Throws when the passphrase is another. */
export function unseal (bytes: Buffer, passphrase: string): Secrets {
  const parts = [SALT_BYTES, IV_BYTES, TAG_BYTES].map((length) => {
    const part = bytes.subarray(0, length)
    bytes = bytes.subarray(length)
    return part
  }) as [Buffer, Buffer, Buffer]
  const decipher = createDecipheriv(CIPHER, keyOf(passphrase, parts[0]), parts[1])
  decipher.setAuthTag(parts[2])
  try {
    return JSON.parse(Buffer.concat([decipher.update(bytes), decipher.final()]).toString()) as Secrets
  } catch (cause) {
    throw new Error('BACKUP_PASSPHRASE is not the one that the backup was made with', { cause })
  }
}
