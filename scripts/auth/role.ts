import { createManagedUserService } from '../../services/auth/src/administration/managed-user-service.ts'
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
  const database = await connectToAuth(process.env)
  try {
    const user = await userRepository.findByEmailKey(database.connection, emailKey(email))
    if (!user) throw new Error(`there is no account with the address ${email}; register it first`)
    if (role === 'admin' && user.emailVerifiedAt === null && !unverified) {
      throw new Error(
        `nobody has confirmed ${email}, so anybody may have registered it: follow the link of its mail, or say ` +
        '--unverified'
      )
    }
    // The running service picks up events and mails by polling.
    await createManagedUserService({ database, onEvents: () => {}, onMail: () => {} }).manage(user.id, { role }, {
      actorId: null,
      origin: null
    })
    console.log(`${email} is ${role === 'admin' ? 'an administrator' : 'a user'} from the next login on`)
  } finally {
    await database.close()
  }
}
