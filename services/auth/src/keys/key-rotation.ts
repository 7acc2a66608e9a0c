import { createHash, generateKeyPairSync } from 'node:crypto'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { keyRepository, type NewKey, type StoredKey } from './key-repository.ts'
import { openWithAny, sealPrivateKey } from './private-key-cipher.ts'

/** How long a key is published before it signs: by then every verifier has fetched it (API.md says 30 s). */
const PUBLISH_SECONDS = 60
/** Beyond the life of a token: other auth processes notice a rotation late, and clocks differ. */
export const RETIRE_MARGIN_SECONDS = 60
/** Who rotates need not know how long tokens live: the processes that sign have a key stay longer, within seconds. */
const MIN_RETIRE_SECONDS = 3600

export type RotationResult = { rotated: true, kid: string } | { rotated: false, waitSeconds: number }

/** Makes the keys that are missing. Several processes may begin at once. */
export function ensureKeys (database: Database, encryptionKey: Buffer) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const keys = await keyRepository.list(tx)
    if (!keys.some(({ state }) => state === 'current')) await keyRepository.insert(tx, newKey(encryptionKey), 'current')
    if (!keys.some(({ state }) => state === 'next')) await keyRepository.insert(tx, newKey(encryptionKey), 'next')
  })
}

/**
 * Seals anew, under the first of the keys, what another one sealed. Throws `SealedKeyError` for what none of them
 * opens.
 */
export function resealKeys (database: Database, encryptionKeys: readonly Buffer[]) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    for (const { kid, privateKey } of await keyRepository.list(tx)) {
      if (privateKey) {
        await keyRepository.setPrivateKey(
          tx,
          kid,
          sealPrivateKey(encryptionKeys[0]!, kid, openWithAny(encryptionKeys, kid, privateKey))
        )
      }
    }
  })
}

/**
 * Current → retiring, next → current; not before every verifier can know what is next. The processes of auth, which
 * have the secret to seal it, make a new next one. Throws when there is none to take over.
 */
export function rotateKeys (database: Database, { atOnce = false } = {}): Promise<RotationResult> {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    return rotate(tx, atOnce)
  })
}

/** Rotates a current key that has signed for long enough; true when it did. */
export function rotateOldKey (database: Database, { intervalSeconds }: { intervalSeconds: number }) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const current = (await keyRepository.list(tx)).find(({ state }) => state === 'current')
    if (!current?.activatedAt || Date.now() - current.activatedAt.getTime() < intervalSeconds * 1000) return false
    return (await rotate(tx, false)).rotated
  })
}

/** Forgets a retiring key at once: tokens that it signed die with it. False when there is no such key. */
export function dropKey (database: Database, kid: string): Promise<boolean> {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const dropped = await keyRepository.drop(tx, kid)
    if (dropped) await auditRepository.append(tx, null, { act: 'key-dropped', userId: null, detail: { kid } })
    return dropped
  })
}

async function rotate (tx: Connection, atOnce: boolean): Promise<RotationResult> {
  const keys = await keyRepository.list(tx)
  const next = keys.find(({ state }) => state === 'next')
  if (!next) throw new Error('there is no next key: auth makes one within 5 s, while it runs')
  const waitSeconds = secondsUntilKnown(keys, next)
  if (waitSeconds > 0 && !atOnce) return { rotated: false, waitSeconds }
  await keyRepository.advance(tx, new Date(Date.now() + (MIN_RETIRE_SECONDS + RETIRE_MARGIN_SECONDS) * 1000))
  await auditRepository.append(tx, null, { act: 'keys-rotated', userId: null, detail: { kid: next.kid } })
  return { rotated: true, kid: next.kid }
}

/** The first pair was published together: who knows the current key knows the next one. */
function secondsUntilKnown (keys: StoredKey[], next: StoredKey) {
  if (keys.length === 2) return 0
  return Math.max(0, PUBLISH_SECONDS - (Date.now() - next.createdAt.getTime()) / 1000)
}

function newKey (encryptionKey: Buffer): NewKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  // RFC 7638 thumbprint: two keys cannot share an id.
  const kid = createHash('sha256').update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })).digest('base64url')
  return {
    kid,
    publicKey: x!,
    privateKey: sealPrivateKey(encryptionKey, kid, privateKey.export({ type: 'pkcs8', format: 'der' }))
  }
}
