// The first administrator, and the last way in.
import { command, UsageError } from './command-line.ts'

const ROLES = new Map([['grant', 'admin'], ['revoke', 'user']] as const)

const help = `
usage: pnpm admin grant|revoke|verify <e-mail>

  grant <e-mail>     makes an account an administrator; its sessions end, the next login has the role
  revoke <e-mail>    makes an administrator a user again
  verify <e-mail>    confirms the address of an account
  --unverified       grants also to an address that nobody has confirmed

It works on what \`pnpm start\` runs in this folder, or on AUTH_DATABASE_URL.
Exit code 0: done. 1: it could not be done. 2: not a command.`

await command(
  { name: 'admin', help, options: { unverified: { type: 'boolean' } }, words: [2, 2] },
  async ({ values: { unverified = false }, words: [action = '', email = ''] }) => {
    const role = ROLES.get(action as 'grant')
    if (!role && action !== 'verify') throw new UsageError(`there is no command "${action}"`)
    if (unverified && role !== 'admin') throw new UsageError(`${action} takes no --unverified`)
    const { setRole, verifyEmail } = await import('./auth/role.ts')
    if (role) await setRole(email, role, { unverified })
    else await verifyEmail(email)
  }
)
