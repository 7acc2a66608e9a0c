import {
  createManagedUserService,
  type UserChange
} from '../../services/auth/src/administration/managed-user-service.ts'
import { emailKey } from '../../services/auth/src/users/email-key.ts'
import { userRepository } from '../../services/auth/src/users/user-repository.ts'
import { connectToAuth } from './connection.ts'

/**
 * Gives an account a role; its sessions end. Throws when there is no account with the address, or nobody has confirmed
 * it.
 */
export async function setRole (
  email: string,
  role: 'user' | 'admin',
  { unverified }: { unverified: boolean }
): Promise<void> {
  await manage(email, { role }, (emailVerifiedAt) => {
    if (role === 'user' || emailVerifiedAt !== null || unverified) return
    throw new Error(
      `nobody has confirmed ${email}, so anybody may have registered it: follow the link of its mail, or say ` +
      '--unverified'
    )
  })
  console.log(`${email} is ${role === 'admin' ? 'an administrator' : 'a user'} from the next login on`)
}

/** Confirms the address of an account. Throws when there is no account with it. */
export async function verifyEmail (email: string): Promise<void> {
  await manage(email, { emailVerified: true })
  console.log(`${email} is confirmed`)
}

async function manage (email: string, change: UserChange, check = (_emailVerifiedAt: Date | null) => {}) {
  const database = await connectToAuth(process.env)
  try {
    const user = await userRepository.findByEmailKey(database.connection, emailKey(email))
    if (!user) throw new Error(`there is no account with the address ${email}; register it first`)
    check(user.emailVerifiedAt)
    // The running service picks up events and mails by polling.
    const managedUsers = createManagedUserService({ database, onEvents: () => {}, onMail: () => {} })
    await managedUsers.manage(user.id, change, { actorId: null, origin: null })
  } finally {
    await database.close()
  }
}
