import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../database/database.ts'
import { lockEmailKey } from '../database/email-lock.ts'
import { emailKey } from './email-key.ts'
import { userRepository } from './user-repository.ts'

/**
 * Renews keys from the time when each spelling of an internationalised domain had its own. Of two accounts that prove
 * to have one mailbox, the older gets the key, and the log names the other.
 */
export async function rekeyEmails ({ database, log }: { database: Database, log: FastifyBaseLogger }) {
  let after: string | undefined
  for (
    let batch = await userRepository.listUnicodeKeys(database.connection, after);
    batch.length > 0;
    batch = await userRepository.listUnicodeKeys(database.connection, after)
  ) {
    for (const { id, email, emailKey: present } of batch) {
      const key = emailKey(email)
      if (key === present) continue
      const moved = await database.transaction(async (tx) => {
        await userRepository.lock(tx, id)
        await lockEmailKey(tx, key)
        return userRepository.setEmailKey(tx, id, key, present)
      })
      if (!moved) {
        log.warn(
          { userId: id },
          'an older account has the same mailbox in another spelling of its domain: this one cannot log in any more'
        )
      }
    }
    after = batch.at(-1)!.id
  }
}
