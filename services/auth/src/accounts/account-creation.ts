import { userRegistered } from '@gatepost/contracts/auth/events'
import type { Connection } from '../database/database.ts'
import { storeEvent } from '../database/outbox.ts'
import type { Origin } from '../origin.ts'
import type { Account } from '../users/account.ts'
import { emailKey } from '../users/email-key.ts'
import { userRepository } from '../users/user-repository.ts'

/** Inserts an account with its event; false when the address is taken. The caller holds the lock of the address. */
export async function createAccount (
  tx: Connection, account: Account, { passwordHash, origin }: { passwordHash: string, origin: Origin }
) {
  const { id, email, displayName, createdAt } = account
  const inserted = await userRepository.insert(tx, { ...account, emailKey: emailKey(email), passwordHash })
  if (inserted) {
    await storeEvent(tx, userRegistered, {
      data: { userId: id, displayName, registeredAt: createdAt.toISOString() },
      aggregateVersion: 1,
      origin
    })
  }
  return inserted
}
