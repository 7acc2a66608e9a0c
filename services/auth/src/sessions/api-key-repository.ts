import type { KeyLimit } from '@gatepost/contracts/auth/key-operations'
import type { Scope } from '@gatepost/contracts/scope'
import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Connection } from '../database/database.ts'
import { type Account, accountColumns } from '../users/account.ts'
import type { EndedSession } from './session-repository.ts'

export interface ApiKeyRow {
  id: string
  name: string
  scopes: Scope[]
  createdAt: Date
  expiresAt: Date | null
  lastUsedAt: Date | null
  lastAddress: string | null
  limit: KeyLimit | null
}

/** The account of a key, and the end of the access token that the key is exchanged for. */
export type ExchangedKey = Account & { scopes: Scope[], accessExpiresAt: Date, limit: KeyLimit | null }

const GOOD = '(api_keys.expires_at IS NULL OR api_keys.expires_at > now())'

/**
 * Renews a hash under an older secret. The lock of the row makes the exchange wait for a deletion; a deletion that
 * comes later learns of the token that the exchange gives out.
 */
const EXCHANGE = `UPDATE api_keys SET mac = ($2::bytea[])[1], last_used_at = now(), last_address = $3::text,
    access_expires_at = greatest(access_expires_at, least($4::timestamptz, api_keys.expires_at))
  FROM users WHERE api_keys.id = $1::uuid AND mac = ANY($2::bytea[]) AND ${GOOD}
    AND users.id = user_id AND disabled_at IS NULL AND deleted_at IS NULL
  RETURNING ${accountColumns('users')}, scopes, least($4::timestamptz, api_keys.expires_at) AS "accessExpiresAt",
    limit_max AS "limitMax", limit_window_seconds AS "limitWindowSeconds"`

interface LimitColumns {
  limitMax: number | null
  limitWindowSeconds: number | null
}

function limitOf ({ limitMax, limitWindowSeconds }: LimitColumns): KeyLimit | null {
  return limitMax === null ? null : { max: limitMax, windowSeconds: limitWindowSeconds! }
}

/** {@link GOOD}, as the query builder says it. */
function goodKeysOf (userId: string) {
  return { userId, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] }
}

export const apiKeyRepository = {
  async insert (
    tx: Connection,
    { limit, ...key }: {
      id: string
      userId: string
      name: string
      scopes: readonly Scope[]
      mac: Buffer
      createdAt: Date
      expiresAt: Date | null
      limit: KeyLimit | null
    }
  ) {
    await tx.apiKey.create({
      data: {
        ...key,
        mac: new Uint8Array(key.mac),
        scopes: [...key.scopes],
        limitMax: limit?.max ?? null,
        limitWindowSeconds: limit?.windowSeconds ?? null,
        accessExpiresAt: key.createdAt
      }
    })
  },

  /** Number of a user's good keys; exact under the lock of the user's row. */
  count (tx: Connection, userId: string) {
    return tx.apiKey.count({ where: goodKeysOf(userId) })
  },

  /** A user's good keys. */
  async list (connection: Connection, userId: string, limit: number): Promise<ApiKeyRow[]> {
    const rows = await connection.apiKey.findMany({ where: goodKeysOf(userId), orderBy: { id: 'desc' }, take: limit })
    return rows.map((row) => ({ ...row, scopes: row.scopes as Scope[], limit: limitOf(row) }))
  },

  /** Notes the use of a key and returns its account; undefined for a key that is not good. */
  async exchange (
    sql: Sql,
    { id, macs, address, accessExpiry }: {
      id: string
      macs: readonly Buffer[]
      address: string | null
      accessExpiry: Date
    }
  ): Promise<ExchangedKey | undefined> {
    const parameters = [id, macs, address, accessExpiry]
    const [row] = await sql.query<Omit<ExchangedKey, 'limit'> & LimitColumns>(EXCHANGE, parameters)
    return row && { ...row, limit: limitOf(row) }
  },

  /** Deletes one key of a user, or all keys. */
  delete (tx: Connection, userId: string, only?: string): Promise<EndedSession[]> {
    return tx.$queryRaw<EndedSession[]>`
      DELETE FROM api_keys
      WHERE user_id = ${userId}::uuid AND (${only ?? null}::uuid IS NULL OR id = ${only ?? null}::uuid)
      RETURNING id, user_id AS "userId", access_expires_at AS "accessExpiresAt"`
  },

  async deleteExpired (connection: Connection, before: Date) {
    await deleteBefore(connection, { table: 'api_keys', column: 'expires_at' }, before)
  }
}
