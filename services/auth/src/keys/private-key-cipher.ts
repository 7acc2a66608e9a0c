import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { SettingsError } from '@gatepost/service-kit/settings'

const IV_BYTES = 12
const TAG_BYTES = 16

/** A private key that does not open: TOKEN_SECRET has changed since it was stored, or the row was changed. */
export class SealedKeyError extends SettingsError {
  override name = 'SealedKeyError'
}

/** AES-256-GCM. The kid is authenticated too, so that no row can be swapped for another. */
export function sealPrivateKey (encryptionKey: Buffer, kid: string, pkcs8: Buffer) {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', encryptionKey, iv).setAAD(Buffer.from(kid))
  const sealed = Buffer.concat([cipher.update(pkcs8), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), sealed])
}

/** Opens a private key that any of the encryption keys sealed. Throws {@link SealedKeyError} when none did. */
export function openWithAny (encryptionKeys: readonly Buffer[], kid: string, box: Uint8Array) {
  for (const key of encryptionKeys.slice(0, -1)) {
    try {
      return openPrivateKey(key, kid, box)
    } catch (error) {
      if (!(error instanceof SealedKeyError)) throw error
    }
  }
  return openPrivateKey(encryptionKeys.at(-1)!, kid, box)
}

export function openPrivateKey (encryptionKey: Buffer, kid: string, box: Uint8Array) {
  const bytes = Buffer.from(box)
  const iv = bytes.subarray(0, IV_BYTES)
  const tag = bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', encryptionKey, iv, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(kid)).setAuthTag(tag)
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new SealedKeyError(
      `the signing key ${kid} does not open: TOKEN_SECRET is not the one that it was stored under`,
      { cause }
    )
  }
}
