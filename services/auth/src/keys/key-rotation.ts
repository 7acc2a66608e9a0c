import { createHash, generateKeyPairSync } from 'node:crypto'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { keyRepository, type NewKey, type StoredKey } from './key-repository.ts'
import { sealPrivateKey } from './private-key-cipher.ts'

/** How long a key is published before it signs: by then every verifier has fetched it (API.md says 30 s). */
export const PUBLISH_SECONDS = 60
/** Beyond the life of a token: other auth processes notice a rotation late, and clocks differ. */
const RETIRE_MARGIN_SECONDS = 60
/** The rotating process may know a shorter token life than the one that signed. */
const MIN_RETIRE_SECONDS = 3600

export type RotationResult = { rotated: true, kid: string } | { rotated: false, waitSeconds: number }

/** Makes the first keys. Several processes may begin at once. */
export function ensureKeys (database: Database, encryptionKey: Buffer) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const keys = await keyRepository.list(tx)
    if (!keys.some(({ state }) => state === 'current')) await keyRepository.insert(tx, newKey(encryptionKey), 'current')
    if (!keys.some(({ state }) => state === 'next')) await keyRepository.insert(tx, newKey(encryptionKey), 'next')
  })
}

/** Current → retiring, next → current, and a new next; not before every verifier can know what is next. */
export function rotateKeys (database: Database, encryptionKey: Buffer, { accessTokenTtl, atOnce = false }: { accessTokenTtl: number, atOnce?: boolean }): Promise<RotationResult> {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    return rotate(tx, encryptionKey, accessTokenTtl, atOnce)
  })
}

/** Rotates a current key that has signed for long enough; true when it did. */
export function rotateOldKey (database: Database, encryptionKey: Buffer, { accessTokenTtl, intervalSeconds }: { accessTokenTtl: number, intervalSeconds: number }) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const current = (await keyRepository.list(tx)).find(({ state }) => state === 'current')
    if (!current?.activatedAt || Date.now() - current.activatedAt.getTime() < intervalSeconds * 1000) return false
    return (await rotate(tx, encryptionKey, accessTokenTtl, false)).rotated
  })
}

async function rotate (tx: Connection, encryptionKey: Buffer, accessTokenTtl: number, atOnce: boolean): Promise<RotationResult> {
  const keys = await keyRepository.list(tx)
  const next = keys.find(({ state }) => state === 'next')
  if (!next) throw new Error('there are no keys yet; start auth once')
  const waitSeconds = secondsUntilKnown(keys, next)
  if (waitSeconds > 0 && !atOnce) return { rotated: false, waitSeconds }
  await keyRepository.advance(tx, new Date(Date.now() + (Math.max(accessTokenTtl, MIN_RETIRE_SECONDS) + RETIRE_MARGIN_SECONDS) * 1000))
  await keyRepository.insert(tx, newKey(encryptionKey), 'next')
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
  return { kid, publicKey: x!, privateKey: sealPrivateKey(encryptionKey, kid, privateKey.export({ type: 'pkcs8', format: 'der' })) }
}
