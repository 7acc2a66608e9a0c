import type { SigningAlgorithm } from '@gatepost/contracts/auth/schemas'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection, Database } from '../database/database.ts'
import { newKey } from './key-pair.ts'
import { keyRepository, type StoredKey } from './key-repository.ts'
import { openWithAny, sealPrivateKey } from './private-key-cipher.ts'

/** How long a key is published before it signs; every verifier fetches it within 30 s. */
const PUBLISH_SECONDS = 60
/** Margin beyond the life of a token: other auth processes notice a rotation late, and clocks differ. */
export const RETIRE_MARGIN_SECONDS = 60
/**
 * The command that rotates does not know the life of tokens; auth's processes prolong this within seconds where it is
 * too short.
 */
const MIN_RETIRE_SECONDS = 3600

export type RotationResult = { rotated: true, kid: string } | { rotated: false, waitSeconds: number }

/** The means by which a process makes keys. */
export interface KeyMaker {
  encryptionKey: Buffer
  algorithm: SigningAlgorithm
}

/** Makes missing keys. Several processes may call it at once. */
export function ensureKeys (database: Database, { encryptionKey, algorithm }: KeyMaker) {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const keys = await keyRepository.list(tx)
    const now = new Date()
    for (const state of ['current', 'next'] as const) {
      if (keys.some((key) => key.state === state)) continue
      await keyRepository.insert(tx, newKey(encryptionKey, algorithm), state, now)
    }
  })
}

/**
 * Seals all private keys anew under the first of the encryption keys. Throws `SealedKeyError` for a private key that
 * none of them opens.
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
 * Makes the current key retiring and the next key current, once every verifier can know it. Auth's processes make a new
 * next key, for they have the secret that seals it. Throws when there is no next key.
 */
export function rotateKeys (database: Database, { atOnce = false } = {}): Promise<RotationResult> {
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    return rotate(tx, atOnce)
  })
}

export interface RotationRule extends KeyMaker {
  intervalSeconds: number
  /** Whether a key of another algorithm gives way before its time. */
  changeOver: boolean
}

/**
 * Rotates a current key that has signed for long enough, or that gives way to a key of another algorithm. Replaces a
 * next key of the wrong algorithm first, and publishes the new one before it signs. True when it rotated.
 */
export function rotateIfDue (database: Database, rule: RotationRule) {
  const { encryptionKey, algorithm, intervalSeconds, changeOver } = rule
  return database.transaction(async (tx) => {
    await keyRepository.lock(tx)
    const keys = await keyRepository.list(tx)
    const [current, next] = (['current', 'next'] as const).map((state) => keys.find((key) => key.state === state))
    if (!current?.activatedAt || !next) return false
    const isOld = Date.now() - current.activatedAt.getTime() >= intervalSeconds * 1000
    if (!isOld && !(changeOver && current.algorithm !== algorithm)) return false
    if (next.algorithm === algorithm) return (await rotate(tx, false)).rotated
    await keyRepository.deleteNext(tx)
    await keyRepository.insert(tx, newKey(encryptionKey, algorithm), 'next')
    return false
  })
}

/** Deletes a retiring key at once; its tokens die with it. False when there is no such key. */
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
  if (!next) throw new Error('there is no next key: a running auth makes one within 5 s')
  const waitSeconds = secondsUntilKnown(keys, next)
  if (waitSeconds > 0 && !atOnce) return { rotated: false, waitSeconds }
  await keyRepository.advance(tx, new Date(Date.now() + (MIN_RETIRE_SECONDS + RETIRE_MARGIN_SECONDS) * 1000))
  await auditRepository.append(tx, null, { act: 'keys-rotated', userId: null, detail: { kid: next.kid } })
  return { rotated: true, kid: next.kid }
}

/** The first pair was published together: a verifier that knows the current key knows the next one. */
function secondsUntilKnown (keys: StoredKey[], next: StoredKey) {
  if (keys.every(({ createdAt }) => createdAt.getTime() === next.createdAt.getTime())) return 0
  return Math.max(0, PUBLISH_SECONDS - (Date.now() - next.createdAt.getTime()) / 1000)
}
