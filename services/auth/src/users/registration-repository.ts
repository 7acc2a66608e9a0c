import type { Connection } from '../database/database.ts'

export interface PendingRegistration {
  id: string
  email: string
  emailKey: string
  displayName: string
  language: string | null
  passwordHash: string
}

const select = { id: true, email: true, emailKey: true, displayName: true, language: true, passwordHash: true } as const

/** Registrations whose address is not confirmed. Several may wait for one address, each with its own link. */
export const registrationRepository = {
  async insert (tx: Connection, registration: PendingRegistration, expiresAt: Date) {
    await tx.pendingRegistration.create({ data: { ...registration, createdAt: new Date(), expiresAt } })
  },

  find (connection: Connection, id: string): Promise<PendingRegistration | null> {
    return connection.pendingRegistration.findUnique({ where: { id }, select })
  },

  /** The newest registration of the address. */
  findLatest (connection: Connection, emailKey: string): Promise<PendingRegistration | null> {
    return connection.pendingRegistration.findFirst({
      where: { emailKey, expiresAt: { gt: new Date() } },
      select,
      orderBy: { id: 'desc' }
    })
  },

  /** Other registrations of the same address, newest first. */
  listOthers (
    connection: Connection,
    { id, emailKey }: PendingRegistration,
    limit: number
  ): Promise<PendingRegistration[]> {
    return connection.pendingRegistration.findMany({
      where: { emailKey, id: { not: id }, expiresAt: { gt: new Date() } },
      select,
      orderBy: { id: 'desc' },
      take: limit
    })
  },

  async deleteByEmailKey (tx: Connection, emailKey: string) {
    await tx.pendingRegistration.deleteMany({ where: { emailKey } })
  }
}
