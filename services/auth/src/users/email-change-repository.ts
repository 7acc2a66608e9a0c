import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { Connection } from '../database/database.ts'

export interface EmailChange {
  id: string
  userId: string
  /** The address that is wanted, as given. */
  email: string
}

/** Changes of addresses that wait for their link to be opened: one a user. */
export const emailChangeRepository = {
  /** Takes the place of an earlier one, whose links die. The caller holds the user's row. Returns the id. */
  async replace (tx: Connection, userId: string, email: string, expiresAt: Date) {
    await emailChangeRepository.deleteFor(tx, userId)
    const id = uuidv7()
    await tx.emailChange.create({ data: { id, userId, email, createdAt: new Date(), expiresAt } })
    return id
  },

  find (connection: Connection, id: string): Promise<EmailChange | null> {
    return connection.emailChange.findUnique({ where: { id }, select: { id: true, userId: true, email: true } })
  },

  /** With its links. */
  async deleteFor (tx: Connection, userId: string) {
    await tx.emailChange.deleteMany({ where: { userId } })
  }
}
