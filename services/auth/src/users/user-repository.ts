import type { Role } from '@gatepost/contracts/schemas'
import { Prisma } from '../../generated/client.ts'
import type { Connection } from '../database/database.ts'
import { type Account, accountColumns, type LockedAccount, type ManagedAccount } from './account.ts'

const lockedColumns = Prisma.raw(`${accountColumns('users')}, disabled_at AS "disabledAt", email_key AS "emailKey",
  password_hash AS "passwordHash", version`)

/** The columns of a ManagedAccount, as Prisma names them. */
export const managed = {
  id: true,
  email: true,
  emailVerifiedAt: true,
  displayName: true,
  role: true,
  language: true,
  createdAt: true,
  disabledAt: true
} as const

export const userRepository = {
  /** False when the address is taken. */
  async insert (tx: Connection, user: Account & { emailKey: string, passwordHash: string }) {
    const count = await tx.$executeRaw`
      INSERT INTO users (id, email, email_key, display_name, language, password_hash, created_at, email_verified_at)
      VALUES (${user.id}::uuid, ${user.email}, ${user.emailKey}, ${user.displayName}, ${user.language},
        ${user.passwordHash}, ${user.createdAt}::timestamptz,
        ${user.emailVerified ? user.createdAt : null}::timestamptz)
      ON CONFLICT (email_key) DO NOTHING`
    return count === 1
  },

  /** Locks the row, as the first lock of a transaction: no session begins and no version is taken beside it. */
  async lock (tx: Connection, id: string): Promise<LockedAccount | undefined> {
    const [row] = await tx.$queryRaw<LockedAccount[]>`
      SELECT ${lockedColumns} FROM users WHERE id = ${id}::uuid AND deleted_at IS NULL FOR UPDATE`
    return row
  },

  /**
   * Locks the row and the rows of all administrators who can act, in one order: two administrators neither remove each
   * other nor deadlock. `alone` when no other administrator can act.
   */
  async lockAmongAdmins (tx: Connection, id: string): Promise<{ user: LockedAccount | undefined, alone: boolean }> {
    const rows = await tx.$queryRaw<LockedAccount[]>`
      SELECT ${lockedColumns} FROM users
      WHERE deleted_at IS NULL AND (id = ${id}::uuid OR (role = 'admin' AND disabled_at IS NULL))
      ORDER BY id FOR UPDATE`
    return { user: rows.find((row) => row.id === id), alone: rows.every((row) => row.id === id) }
  },

  async find (connection: Connection, id: string) {
    const row = await connection.user.findFirst({ where: { id, deletedAt: null }, select: managed })
    return row && { ...row, emailVerified: row.emailVerifiedAt !== null } as ManagedAccount
  },

  /** Returns the new version; undefined when the name is the same. */
  async rename (tx: Connection, id: string, displayName: string) {
    const [row] = await tx.$queryRaw<Array<{ version: number }>>`
      UPDATE users SET display_name = ${displayName}, version = version + 1
      WHERE id = ${id}::uuid AND deleted_at IS NULL AND display_name <> ${displayName} RETURNING version`
    return row?.version
  },

  async setLanguage (tx: Connection, id: string, language: string | null) {
    await tx.user.updateMany({ where: { id, deletedAt: null }, data: { language } })
  },

  async setPasswordHash (tx: Connection, id: string, passwordHash: string, replaces?: string) {
    await tx.user.updateMany({
      where: { id, deletedAt: null, ...replaces && { passwordHash: replaces } },
      data: { passwordHash }
    })
  },

  /** Accounts whose key has characters beyond ASCII, in the order of their ids. */
  async listUnicodeKeys (connection: Connection, after = '00000000-0000-0000-0000-000000000000') {
    return connection.$queryRaw<Array<{ id: string, email: string, emailKey: string }>>`
      SELECT id, email, email_key AS "emailKey" FROM users
      WHERE octet_length(email_key) <> char_length(email_key) AND id > ${after}::uuid ORDER BY id LIMIT 500`
  },

  /**
   * False when another account has the key, or the key of this account is not `replaces`. The caller holds both locks.
   */
  async setEmailKey (tx: Connection, id: string, emailKey: string, replaces: string) {
    const count = await tx.$executeRaw`
      UPDATE users SET email_key = ${emailKey} WHERE id = ${id}::uuid AND email_key = ${replaces}
        AND NOT EXISTS (SELECT FROM users WHERE email_key = ${emailKey})`
    return count === 1
  },

  /**
   * The new address counts as confirmed. False when another account has it. The caller holds the locks of the user and
   * of both addresses.
   */
  async setEmail (tx: Connection, id: string, { email, emailKey }: { email: string, emailKey: string }) {
    const count = await tx.$executeRaw`
      UPDATE users SET email = ${email}, email_key = ${emailKey}, email_verified_at = now() WHERE id = ${id}::uuid
        AND NOT EXISTS (SELECT FROM users WHERE email_key = ${emailKey} AND id <> ${id}::uuid)`
    return count === 1
  },

  async setEmailVerified (tx: Connection, id: string) {
    await tx.user.updateMany({
      where: { id, emailVerifiedAt: null, deletedAt: null },
      data: { emailVerifiedAt: new Date() }
    })
  },

  /** Leaves the id, the version, and nothing personal. Returns the version for the last event. */
  async erase (tx: Connection, id: string) {
    const { version } = await tx.user.update({
      where: { id },
      data: {
        email: null,
        emailKey: null,
        emailVerifiedAt: null,
        displayName: '',
        language: null,
        passwordHash: null,
        deletedAt: new Date(),
        version: { increment: 1 }
      }
    })
    return version
  },

  async setRole (tx: Connection, id: string, role: Role) {
    await tx.user.update({ where: { id }, data: { role } })
  },

  async setDisabled (tx: Connection, id: string, disabled: boolean) {
    await tx.user.update({ where: { id }, data: { disabledAt: disabled ? new Date() : null } })
  },

  findByEmailKey (connection: Connection, emailKey: string) {
    return connection.user.findUnique({
      where: { emailKey },
      select: { id: true, email: true, emailVerifiedAt: true, language: true }
    })
  }
}
