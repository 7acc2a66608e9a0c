import { LastAdminError } from '../errors.ts'
import type { Account } from './account.ts'

/** Before an administrator goes: somebody must be left who can act. The caller holds the administrators' rows. */
export function requireOtherAdmin (leaving: Account & { disabledAt: Date | null }, alone: boolean) {
  if (leaving.role === 'admin' && leaving.disabledAt === null && alone) throw new LastAdminError()
}
