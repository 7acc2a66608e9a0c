import { createHmac, type KeyObject } from 'node:crypto'
import type { ApiKeyList, CreatedApiKey, KeyExchange, KeyLimit } from '@gatepost/contracts/auth/key-operations'
import { type Scope, SCOPES } from '@gatepost/contracts/scope'
import { createApiKeyText, idOfApiKey } from '@gatepost/service-kit/api-key'
import { ProblemError } from '@gatepost/service-kit/problem'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { PasswordChecker } from '../attempts/password-check.ts'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Database } from '../database/database.ts'
import { KeyNotFoundError, LoginTooOldError, TooManyKeysError, WrongPasswordError } from '../errors.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import { apiKeyRepository } from '../sessions/api-key-repository.ts'
import { endApiKeys } from '../sessions/session-end.ts'
import { sessionRepository } from '../sessions/session-repository.ts'
import type { SessionHolder } from '../sessions/session-service.ts'
import type { SessionTokens } from '../sessions/session-tokens.ts'
import type { Account } from '../users/account.ts'
import type { MayBeUsed } from '../users/unverified-accounts.ts'
import { userRepository } from '../users/user-repository.ts'

export interface ApiKeyServiceOptions {
  database: Database
  checker: PasswordChecker
  tokens: SessionTokens
  /** Keys of the hashes of API keys, the present one first. */
  macKeys: readonly KeyObject[]
  isUsable: MayBeUsed
  onEvents: () => void
  onMail: () => void
}

export interface NewApiKey {
  name: string
  scopes?: Scope[]
  expiresAt?: string
  limit?: KeyLimit | null
  /** In place of a young login. */
  password?: string
}

const MAX_KEYS = 20
const LIST_LIMIT = 100
/** A stolen session that is older makes no key, which would outlive the session. */
const LOGIN_SECONDS = 600
const ANY_AGE = 2_000_000_000

/** Keys for programs that act as their users. A key is a kind of session: its id is the `sid` of its tokens. */
export function createApiKeyService (
  { database, checker, tokens, macKeys, isUsable, onEvents, onMail }: ApiKeyServiceOptions
) {
  const macsOf = (key: string) => macKeys.map((macKey) => createHmac('sha256', macKey).update(key).digest())

  return {
    /**
     * Throws AUTH_LOGIN_TOO_OLD, AUTH_TOO_MANY_KEYS, and REQUEST_INVALID for an end that is past; with a password
     * AUTH_WRONG_PASSWORD, AUTH_TOO_MANY_ATTEMPTS and OVERLOADED.
     */
    async create (
      { account, holder: { userId, sessionId } }: { account: Account, holder: SessionHolder },
      { name, scopes = [...SCOPES], expiresAt, limit = null, password }: NewApiKey,
      origin: Origin
    ): Promise<CreatedApiKey> {
      const checked = password === undefined
        ? undefined
        : await checker.checkOwn(account, { password, origin, failureAct: 'api-key-refused' })
      const expires = expiresAt === undefined ? null : futureOf(expiresAt)
      const id = uuidv7()
      const key = createApiKeyText(id)
      const createdAt = new Date()
      await database.transaction(async (tx) => {
        const locked = await userRepository.lock(tx, userId)
        if (checked && checked.passwordHash !== locked?.passwordHash) throw new WrongPasswordError()
        const seconds = checked ? ANY_AGE : LOGIN_SECONDS
        if (!await sessionRepository.beganWithin(tx, sessionId, seconds)) throw new LoginTooOldError()
        if (await apiKeyRepository.count(tx, userId) >= MAX_KEYS) throw new TooManyKeysError()
        await apiKeyRepository.insert(tx, {
          id,
          userId,
          name,
          scopes,
          mac: macsOf(key)[0]!,
          createdAt,
          expiresAt: expires,
          limit
        })
        await auditRepository.append(tx, origin, {
          act: 'api-key-created',
          userId,
          sessionId,
          detail: { key: id, name, scopes: scopes.join(' ') }
        })
        await jobRepository.enqueue(tx, { kind: 'api-key-created', payload: { userId } })
      })
      onMail()
      return {
        id,
        name,
        scopes,
        key,
        limit,
        createdAt: createdAt.toISOString(),
        expiresAt: expires?.toISOString() ?? null
      }
    },

    async list (userId: string): Promise<ApiKeyList> {
      const rows = await apiKeyRepository.list(database.connection, userId, LIST_LIMIT)
      return {
        items: rows.map(({ id, name, scopes, limit, createdAt, expiresAt, lastUsedAt, lastAddress }) => ({
          id,
          name,
          scopes,
          limit,
          lastAddress,
          createdAt: createdAt.toISOString(),
          expiresAt: expiresAt?.toISOString() ?? null,
          lastUsedAt: lastUsedAt?.toISOString() ?? null
        }))
      }
    },

    /** Throws AUTH_KEY_NOT_FOUND for a key that is deleted, unknown or another user's. */
    async delete ({ userId, sessionId }: SessionHolder, id: string, origin: Origin) {
      await database.transaction(async (tx) => {
        await userRepository.lock(tx, userId)
        const [deleted] = await endApiKeys(tx, { userId, only: id, reason: 'ended', origin })
        if (!deleted) throw new KeyNotFoundError()
        await auditRepository.append(tx, origin, { act: 'api-key-deleted', userId, sessionId, detail: { key: id } })
        await jobRepository.enqueue(tx, { kind: 'api-key-deleted', payload: { userId } })
      })
      onEvents()
      onMail()
    },

    /** Returns an ordinary access token for a good key, null for any other text. */
    async exchange (key: string, origin: Origin): Promise<KeyExchange | null> {
      const id = idOfApiKey(key)
      if (id === undefined) return null
      const accessExpiry = tokens.accessExpiry()
      const exchanged = await apiKeyRepository.exchange(database.sql, {
        id,
        macs: macsOf(key),
        address: origin.address,
        accessExpiry
      })
      if (!exchanged || !isUsable(exchanged)) return null
      const { scopes, accessExpiresAt, limit, ...account } = exchanged
      const token = tokens.issueAccess(account, { sessionId: id, accessExpiresAt }, accessExpiry, scopes.join(' '))
      return limit ? { ...token, limit } : token
    }
  }
}
export type ApiKeyService = ReturnType<typeof createApiKeyService>

function futureOf (time: string) {
  const date = new Date(time)
  // The 30th of February would be the 2nd of March.
  const exists = !Number.isNaN(date.getTime()) &&
    date.toISOString().startsWith(time.slice(0, 'yyyy-mm-ddThh:mm:ss'.length))
  if (exists && date.getTime() > Date.now()) return date
  const message = exists ? 'must be in the future' : 'is no time'
  throw new ProblemError('REQUEST_INVALID', { errors: [{ path: '/body/expiresAt', message }] })
}
