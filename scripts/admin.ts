// The first administrator, the last way in, and the age of the audit trail.
import { command, UsageError } from './command-line.ts'

const ROLES = new Map([['grant', 'admin'], ['revoke', 'user']] as const)

const help = `
usage: pnpm admin grant|revoke|verify <e-mail>
       pnpm admin prune-audit [--days <n>]

  grant <e-mail>     makes an account an administrator; its sessions end, the next login has the role
  revoke <e-mail>    makes an administrator a user again
  verify <e-mail>    confirms the address of an account
  --unverified       grants also to an address that nobody has confirmed
  prune-audit        deletes acts of the audit trail that are older than AUDIT_RETENTION_DAYS, or than --days, and puts
                     that on record; as the owner of the tables (AUTH_MIGRATION_DATABASE_URL)

It works on what \`pnpm start\` runs in this folder, or on AUTH_DATABASE_URL.
Exit code 0: done. 1: it could not be done. 2: not a command.`

function daysOf (text: string) {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new UsageError(`--days needs a number of days, and not '${text}'`)
  return Number(text)
}

await command(
  { name: 'admin', help, options: { unverified: { type: 'boolean' }, days: { type: 'string' } }, words: [1, 2] },
  async ({ values: { unverified = false, days }, words: [action = '', email] }) => {
    if (action === 'prune-audit') {
      if (email !== undefined) throw new UsageError(`unexpected argument '${email}'`)
      if (unverified) throw new UsageError(`${action} takes no --unverified`)
      const { pruneAuditTrail } = await import('./auth/audit.ts')
      return await pruneAuditTrail(days === undefined ? undefined : daysOf(days))
    }
    if (days !== undefined) throw new UsageError(`${action} takes no --days`)
    const role = ROLES.get(action as 'grant')
    if (!role && action !== 'verify') throw new UsageError(`there is no command "${action}"`)
    if (unverified && role !== 'admin') throw new UsageError(`${action} takes no --unverified`)
    if (email === undefined) throw new UsageError(`${action} needs an e-mail address`)
    const { setRole, verifyEmail } = await import('./auth/role.ts')
    if (role) await setRole(email, role, { unverified })
    else await verifyEmail(email)
  }
)
