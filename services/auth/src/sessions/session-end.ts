import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { Connection } from '../database/database.ts'
import { storeEvents } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import { apiKeyRepository } from './api-key-repository.ts'
import { type EndedSession, type EndReason, type SessionsToEnd, sessionRepository } from './session-repository.ts'

/** Ends that take the user's rights take those of the keys too; a logout or a new password does not. */
const ENDS_KEYS = new Set<EndReason>(['account-deleted', 'disabled', 'role-changed'])

/**
 * Ends sessions and stores their revocations, in the caller's transaction; the relay carries them to every gateway. The
 * caller that ends more than one session holds the user's row. Returns the ids of the sessions that were live.
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
 * Deletes one API key of a user or all of them, and revokes their tokens. The caller holds the user's row. Returns the
 * ids.
 */
export async function endApiKeys (tx: Connection, { only, ...end }: KeysToEnd) {
  return announce(tx, await apiKeyRepository.delete(tx, end.userId, only), end)
}

async function announce (tx: Connection, ended: EndedSession[], { userId, reason, origin }: KeysToEnd) {
  await storeEvents(tx, sessionRevoked, ended.map(({ id, accessExpiresAt }) => ({
    data: { sessionId: id, userId, reason, expiresAt: accessExpiresAt.toISOString() },
    aggregateVersion: 1, // a session ends once, and the ending statement holds its lock
    traceparent: origin?.traceparent
  })))
  return ended.map(({ id }) => id)
}
