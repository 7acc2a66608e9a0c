import type { Connection } from '../database/database.ts'
import { LastAdminError } from '../errors.ts'
import { type Account, userRepository } from './user-repository.ts'

/** Before an administrator goes: somebody must be left who can act. Holds the administrators' rows until the transaction ends. */
export async function requireOtherAdmin (tx: Connection, leaving: Account) {
  if (leaving.role !== 'admin') return
  const admins = await userRepository.lockAdmins(tx)
  if (admins.includes(leaving.id) && admins.length === 1) throw new LastAdminError()
}
