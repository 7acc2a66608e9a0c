import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { Connection } from '../database/database.ts'
import { storeEvents } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import { apiKeyRepository } from './api-key-repository.ts'
import { type EndedSession, type EndReason, type SessionsToEnd, sessionRepository } from './session-repository.ts'

/** What takes a user's rights away takes those of the keys away too; a logout or a new password does not. */
const ENDS_KEYS = new Set<EndReason>(['account-deleted', 'disabled', 'role-changed'])

/**
 * Ends sessions and tells everybody, in the caller's transaction: from its commit on the relay carries the revocation
 * to every gateway. Whoever ends more than one holds the user's row. Returns the ids of those that were live.
 */
export async function endSessions (tx: Connection, { origin, ...which }: SessionsToEnd & { origin: Origin | null }) {
  const { userId, reason } = which
  const ended = await sessionRepository.end(tx, which)
  if (ENDS_KEYS.has(reason)) await endApiKeys(tx, { userId, reason, origin })
  return announce(tx, ended, { userId, reason, origin })
}

interface KeysToEnd {
  userId: string
  only?: string
  reason: EndReason
  origin: Origin | null
}

/**
 * Deletes API keys, one or all of a user's, and revokes their tokens. The caller holds the user's row. Returns the ids.
 */
export async function endApiKeys (tx: Connection, { only, ...end }: KeysToEnd) {
  return announce(tx, await apiKeyRepository.delete(tx, end.userId, only), end)
}

async function announce (tx: Connection, ended: EndedSession[], { userId, reason, origin }: KeysToEnd) {
  await storeEvents(tx, sessionRevoked, ended.map(({ id, accessExpiresAt }) => ({
    data: { sessionId: id, userId, reason, expiresAt: accessExpiresAt.toISOString() },
    aggregateVersion: 1, // a session ends once; the statement that ended it holds its lock
    traceparent: origin?.traceparent
  })))
  return ended.map(({ id }) => id)
}
