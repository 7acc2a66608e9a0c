// The first administrator, and the last way in.
//
//   pnpm admin grant <e-mail>     makes an account an administrator; its sessions end, the next login has the role
//   pnpm admin revoke <e-mail>    the other way
import { createAdminService } from '../services/auth/src/users/admin-service.ts'
import { emailKey } from '../services/auth/src/users/email-key.ts'
import { userRepository } from '../services/auth/src/users/user-repository.ts'
import { connectToAuth } from './auth/connection.ts'

const ROLES: Record<string, 'user' | 'admin'> = { grant: 'admin', revoke: 'user' }

async function setRole (email: string, role: 'user' | 'admin') {
  const { database } = await connectToAuth(process.env)
  try {
    const user = await userRepository.findByEmailKey(database.connection, emailKey(email))
    if (!user) throw new Error(`there is no account with the address ${email}; register it first`)
    // The relay of the running service looks for events by itself.
    await createAdminService({ database, onEvents: () => {} }).manage(user.id, { role }, { actorId: null, origin: null })
    console.log(`${email} is ${role === 'admin' ? 'an administrator' : 'a user'} from the next login on`)
  } finally {
    await database.close()
  }
}

const [command = '', email] = process.argv.slice(2)
try {
  const role = ROLES[command]
  if (!role || !email) throw new Error('usage: pnpm admin grant <e-mail> | revoke <e-mail>')
  await setRole(email, role)
} catch (error) {
  console.error(`admin: ${(error as Error).message}`)
  process.exitCode = 1
}
