import type { SigningAlgorithm } from '@gatepost/contracts/auth/schemas'
import type { Connection } from '../database/database.ts'

export interface StoredKey {
  kid: string
  state: 'next' | 'current' | 'retiring'
  algorithm: SigningAlgorithm
  publicKey: string
  /** Of a key for ES256. */
  publicY: string | null
  privateKey: Uint8Array | null
  createdAt: Date
  activatedAt: Date | null
  retiresAt: Date | null
}

export type NewKey = Pick<StoredKey, 'kid' | 'algorithm' | 'publicKey' | 'publicY'> & {
  privateKey: Uint8Array<ArrayBuffer>
}

const ROTATION_LOCK = 7_301_001

export const keyRepository = {
  list (connection: Connection): Promise<StoredKey[]> {
    return connection.signingKey.findMany({ orderBy: { createdAt: 'asc' } })
  },

  /** Until the transaction ends, no other one changes keys. */
  async lock (tx: Connection) {
    await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ROTATION_LOCK})`
  },

  async insert (tx: Connection, key: NewKey, state: 'next' | 'current', now = new Date()) {
    await tx.signingKey.create({
      data: { ...key, state, createdAt: now, activatedAt: state === 'current' ? now : null }
    })
  },

  async setPrivateKey (tx: Connection, kid: string, privateKey: Uint8Array<ArrayBuffer>) {
    await tx.signingKey.update({ where: { kid }, data: { privateKey } })
  },

  /**
   * Keeps retiring keys until the last tokens that they signed have died. `seconds` is the life of a token plus a
   * margin.
   */
  async keepRetiring (connection: Connection, seconds: number) {
    await connection
      .$executeRaw`UPDATE signing_keys SET retires_at = present.activated_at + ${seconds}::int * interval '1 second'
      FROM (SELECT activated_at FROM signing_keys WHERE state = 'current') AS present
      WHERE state = 'retiring' AND retires_at < present.activated_at + ${seconds}::int * interval '1 second'`
  },

  /** A next key has signed nothing: nobody misses it. */
  async deleteNext (tx: Connection) {
    await tx.signingKey.deleteMany({ where: { state: 'next' } })
  },

  /** Current → retiring, without its private half; next → current. */
  async advance (tx: Connection, retiresAt: Date) {
    await tx.signingKey.updateMany({
      where: { state: 'current' },
      data: { state: 'retiring', privateKey: null, retiresAt }
    })
    await tx.signingKey.updateMany({ where: { state: 'next' }, data: { state: 'current', activatedAt: new Date() } })
  },

  async deleteRetired (connection: Connection) {
    await connection.signingKey.deleteMany({ where: { state: 'retiring', retiresAt: { lt: new Date() } } })
  },

  /** Deletes a retiring key at once; its tokens die with it. */
  async drop (connection: Connection, kid: string) {
    const { count } = await connection.signingKey.deleteMany({ where: { kid, state: 'retiring' } })
    return count === 1
  }
}
