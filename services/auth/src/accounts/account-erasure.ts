import { userDeleted } from '@gatepost/contracts/auth/events'
import { auditRepository } from '../audit/audit-repository.ts'
import type { Connection } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { storeEvent } from '../database/outbox.ts'
import { emailTokenRepository } from '../mail/email-token-repository.ts'
import { jobRepository } from '../mail/job-repository.ts'
import type { Origin } from '../origin.ts'
import { endSessions } from '../sessions/session-end.ts'
import { sessionRepository } from '../sessions/session-repository.ts'
import type { LockedAccount } from '../users/account.ts'
import { emailChangeRepository } from '../users/email-change-repository.ts'
import { registrationRepository } from '../users/registration-repository.ts'
import { userRepository } from '../users/user-repository.ts'

/**
 * Ends the sessions and keys of an account, frees its address, and leaves nothing personal in its rows. The address
 * stays only in the job of the mail about the deletion. The caller holds the user's row and has made sure that an
 * administrator is left. `actorId` names the administrator who deletes the account.
 */
export async function eraseAccount (
  tx: Connection,
  { id, email, emailKey, language }: LockedAccount,
  { origin, actorId }: { origin: Origin, actorId?: string }
) {
  await lockEmailKey(tx, emailKey)
  await endSessions(tx, { userId: id, reason: 'account-deleted', origin })
  await sessionRepository.eraseOrigins(tx, id)
  await emailTokenRepository.deleteFor(tx, id)
  await emailChangeRepository.deleteFor(tx, id)
  await registrationRepository.deleteByEmailKey(tx, emailKey)
  await jobRepository.deleteFor(tx, id, emailKey)
  const version = await userRepository.erase(tx, id)
  await storeEvent(tx, userDeleted, { data: { userId: id }, aggregateVersion: version, origin })
  await jobRepository.enqueue(tx, { kind: 'account-deleted', payload: { to: email, language } })
  await auditRepository.append(tx, origin, { act: 'account-deleted', userId: id, ...actorId && { actorId } })
}
