import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { Connection } from '../database/database.ts'
import { storeEvent } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import { type EndReason, sessionRepository } from './session-repository.ts'

/**
 * Ends sessions and tells everybody, in the caller's transaction: from its commit on the relay carries the revocation to
 * every gateway. Returns the ids of those that were live.
 */
export async function endSessions (tx: Connection, { userId, only, except, reason, origin }: { userId: string, only?: string, except?: string, reason: EndReason, origin: Origin | null }) {
  const ended = await sessionRepository.end(tx, { userId, only, except, reason })
  for (const { id, accessExpiresAt } of ended) {
    // A session ends once, so it is its own version 1; the UPDATE above holds its lock.
    await storeEvent(tx, sessionRevoked, { data: { sessionId: id, userId, reason, expiresAt: accessExpiresAt.toISOString() }, aggregateVersion: 1, origin })
  }
  return ended.map(({ id }) => id)
}
