import { LastAdminError } from '../errors.ts'
import type { Account } from './account.ts'

/**
 * Throws AUTH_LAST_ADMIN when the leaving administrator is the last who can act. The caller holds the administrators'
 * rows.
 */
export function requireOtherAdmin (leaving: Account & { disabledAt: Date | null }, alone: boolean) {
  if (leaving.role === 'admin' && leaving.disabledAt === null && alone) throw new LastAdminError()
}
