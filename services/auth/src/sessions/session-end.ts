import { sessionRevoked } from '@gatepost/contracts/auth/events'
import type { Connection } from '../database/database.ts'
import { storeEvents } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import { type SessionsToEnd, sessionRepository } from './session-repository.ts'

/**
 * Ends sessions and tells everybody, in the caller's transaction: from its commit on the relay carries the revocation to
 * every gateway. Whoever ends more than one holds the user's row. Returns the ids of those that were live.
 */
export async function endSessions (tx: Connection, { origin, ...which }: SessionsToEnd & { origin: Origin | null }) {
  const ended = await sessionRepository.end(tx, which)
  const { userId, reason } = which
  await storeEvents(tx, sessionRevoked, ended.map(({ id, accessExpiresAt }) => ({
    data: { sessionId: id, userId, reason, expiresAt: accessExpiresAt.toISOString() },
    aggregateVersion: 1, // a session ends once; the UPDATE above holds its lock
    traceparent: origin?.traceparent
  })))
  return ended.map(({ id }) => id)
}
