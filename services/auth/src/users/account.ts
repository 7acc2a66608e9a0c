import type { ManagedUser, User } from '@gatepost/contracts/auth/schemas'
import type { Role } from '@gatepost/contracts/schemas'

/** An account that is not deleted. */
export interface Account {
  id: string
  email: string
  emailVerified: boolean
  displayName: string
  role: Role
  /** Of mails, a BCP 47 tag; null for the default one. */
  language: string | null
  createdAt: Date
}

export interface ManagedAccount extends Account {
  disabledAt: Date | null
}

export interface LockedAccount extends ManagedAccount {
  emailKey: string
  passwordHash: string
  version: number
}

/** The columns of an Account, from a table or an alias. */
export const accountColumns = (alias: string) =>
  [
    'id',
    'email',
    'email_verified_at IS NOT NULL AS "emailVerified"',
    'display_name AS "displayName"',
    'role::text AS role',
    'language',
    'created_at AS "createdAt"'
  ].map((column) => `${alias}.${column}`).join(', ')

/** The account as its user sees it. */
export function userOf ({ id, email, emailVerified, displayName, role, language, createdAt }: Account): User {
  return { id, email, emailVerified, displayName, role, language, createdAt: createdAt.toISOString() }
}

/** The account as administrators see it. */
export function managedUserOf (account: ManagedAccount): ManagedUser {
  return { ...userOf(account), disabled: account.disabledAt !== null }
}
