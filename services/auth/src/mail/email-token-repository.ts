import { createHash, randomBytes } from 'node:crypto'
import { deleteBefore } from '@gatepost/service-kit/batched-deletion'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import type { EmailPurpose } from '../../generated/client.ts'
import type { Connection } from '../database/database.ts'

const TOKEN_BYTES = 32

export interface EmailTokenSubject {
  userId?: string
  registrationId?: string
  emailChangeId?: string
}

export const emailTokenRepository = {
  /** Makes the token of a link. The database keeps only its hash. */
  async create (connection: Connection, purpose: EmailPurpose, subject: EmailTokenSubject, seconds: number) {
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const now = Date.now()
    await connection.emailToken.create({
      data: {
        id: uuidv7(),
        purpose,
        tokenHash: hashOf(token),
        ...subject,
        createdAt: new Date(now),
        expiresAt: new Date(now + seconds * 1000)
      }
    })
    return token
  },

  /** The purpose of a good token; null for any other text. */
  find (connection: Connection, token: string) {
    return connection.emailToken.findFirst({
      where: { tokenHash: hashOf(token), usedAt: null, expiresAt: { gt: new Date() } },
      select: { purpose: true, userId: true, registrationId: true, emailChangeId: true }
    })
  },

  /** Marks a token as used; true for exactly one of several callers. */
  async use (tx: Connection, token: string, purpose: EmailPurpose) {
    const { count } = await tx.emailToken.updateMany({
      where: { tokenHash: hashOf(token), purpose, usedAt: null, expiresAt: { gt: new Date() } },
      data: { usedAt: new Date() }
    })
    return count === 1
  },

  async deleteFor (tx: Connection, userId: string) {
    await tx.emailToken.deleteMany({ where: { userId } })
  },

  /**
   * Deletes the links that a new password voids: links to another new password, and a requested change of the address.
   */
  async deleteWithPassword (tx: Connection, userId: string) {
    await tx.emailToken.deleteMany({ where: { userId, purpose: 'reset_password', usedAt: null } })
    await tx.emailChange.deleteMany({ where: { userId } })
  },

  async deleteExpired (connection: Connection, before: Date) {
    for (const table of ['email_tokens', 'pending_registrations', 'email_changes']) {
      await deleteBefore(connection, { table, column: 'expires_at' }, before)
    }
  }
}

/** The token is 256 random bits, so a plain hash protects it. */
function hashOf (token: string) {
  return new Uint8Array(createHash('sha256').update(token).digest())
}
