import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Connection } from '../database/database.ts'

export interface EmailChange {
  id: string
  userId: string
  /** The new address, as given. */
  email: string
}

/** Changes of addresses that wait for their link to be opened; one a user. */
export const emailChangeRepository = {
  /** Replaces an earlier change, whose links die. The caller holds the user's row. Returns the id. */
  async replace (tx: Connection, userId: string, email: string, expiresAt: Date) {
    await emailChangeRepository.deleteFor(tx, userId)
    const id = uuidv7()
    await tx.emailChange.create({ data: { id, userId, email, createdAt: new Date(), expiresAt } })
    return id
  },

  find (connection: Connection, id: string): Promise<EmailChange | null> {
    return connection.emailChange.findUnique({ where: { id }, select: { id: true, userId: true, email: true } })
  },

  /** Its links go with it. */
  async deleteFor (tx: Connection, userId: string) {
    await tx.emailChange.deleteMany({ where: { userId } })
  }
}
