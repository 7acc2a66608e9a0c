import { createPrivateKey } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { JwkSet, SigningAlgorithm } from '@gatepost/contracts/auth/schemas'
import { KeysUnavailableError, keysOf, type KeySource } from '@gatepost/service-kit/key-source'
import { ProblemError, retryAfter } from '@gatepost/service-kit/problem'
import type { Database } from '../database/database.ts'
import type { SigningKey } from './access-token.ts'
import { jwkOf } from './key-pair.ts'
import { keyRepository, type StoredKey } from './key-repository.ts'
import { ensureKeys, resealKeys, RETIRE_MARGIN_SECONDS, rotateIfDue } from './key-rotation.ts'
import { openWithAny, SealedKeyError } from './private-key-cipher.ts'

export interface KeyStoreOptions {
  database: Database
  /** Encryption keys that open the signing keys at rest; the first one seals them. */
  encryptionKeys: readonly Buffer[]
  /** Of keys that are made from now on. */
  algorithm: SigningAlgorithm
  accessTokenTtl: number
  rotationSeconds: number
  log: FastifyBaseLogger
}

export interface KeyStore extends KeySource {
  /** The current key. Throws OVERLOADED while there is none yet. */
  current (): SigningKey
  /** The next, current and retiring keys: a key is published before it signs, and as long as its tokens live. */
  jwks (): JwkSet
  /** Reads the keys again. */
  reload (): Promise<void>
  /**
   * Reads the keys, makes the first ones, and follows their changes. Throws only when TOKEN_SECRET does not open them.
   */
  start (): Promise<void>
  stop (): void
}

const RELOAD_MS = 5_000
const RETRY_MS = 1_000

export function createKeyStore (
  { database, encryptionKeys, algorithm, accessTokenTtl, rotationSeconds, log }: KeyStoreOptions
): KeyStore {
  let signing: SigningKey | undefined
  let published: JwkSet = { keys: [] }
  let pems = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let rotateAt = Infinity
  const maker = { encryptionKey: encryptionKeys[0]!, algorithm }
  // Seen at the start alone: of processes with two settings the one that started last decides, and they do not fight.
  let changeOver: boolean | undefined
  let complete = false // whether there is a current and a next key
  let behind = false // whether the last reading failed, so that a key may exist that is not known here

  async function reload () {
    const keys = await keyRepository.list(database.connection)
    const current = keys.find(({ state }) => state === 'current')
    if (!current) throw new Error('no current signing key')
    complete = keys.some(({ state }) => state === 'next')
    if (signing?.kid !== current.kid) signing = openKey(current)
    rotateAt = (current.activatedAt ?? current.createdAt).getTime() + rotationSeconds * 1000
    changeOver = current.algorithm !== algorithm && changeOver !== false
    const jwks = { keys: keys.map(jwkOf) }
    if (jwks.keys.map(({ kid }) => kid).join() !== published.keys.map(({ kid }) => kid).join()) pems = keysOf(jwks)
    published = jwks
    behind = false
  }

  function openKey ({ kid, algorithm, privateKey }: StoredKey): SigningKey {
    if (!privateKey) throw new SealedKeyError(`the signing key ${kid} has no private half`)
    return {
      kid,
      algorithm,
      privateKey: createPrivateKey({ key: openWithAny(encryptionKeys, kid, privateKey), format: 'der', type: 'pkcs8' })
    }
  }

  async function tend () {
    const rule = { ...maker, intervalSeconds: rotationSeconds, changeOver: changeOver === true }
    if (signing && (changeOver || Date.now() > rotateAt) && await rotateIfDue(database, rule)) {
      complete = false
      log.info('signing key rotated')
    }
    if (!complete) await ensureKeys(database, maker)
    await keyRepository.keepRetiring(database.connection, accessTokenTtl + RETIRE_MARGIN_SECONDS)
    await keyRepository.deleteRetired(database.connection)
    await reload()
  }

  async function follow () {
    const ok = await tend().then(() => true, (error: Error) => {
      behind = true
      log.warn({ err: error }, 'signing keys cannot be read')
      return false
    })
    if (!stopped) timer = setTimeout(follow, ok ? RELOAD_MS : RETRY_MS).unref()
  }

  return {
    current () {
      if (!signing) throw new ProblemError('OVERLOADED', { headers: retryAfter(1) })
      return signing
    },
    jwks: () => published,
    async reload () {
      behind = true
      await reload()
    },
    async start () {
      try {
        if (encryptionKeys.length > 1) await resealKeys(database, encryptionKeys)
        await tend()
      } catch (error) {
        if (error instanceof SealedKeyError) throw error
        log.warn({ err: error }, 'signing keys cannot be read yet')
      }
      timer = setTimeout(follow, signing ? RELOAD_MS : RETRY_MS).unref()
    },
    stop () {
      stopped = true
      clearTimeout(timer)
    },
    get: (kid) => pems.get(kid),
    find (kid) {
      if (!signing || (behind && !pems.has(kid))) {
        throw new KeysUnavailableError('the last reading of the signing keys failed')
      }
      return pems.get(kid)
    }
  }
}
