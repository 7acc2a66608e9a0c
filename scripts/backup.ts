// All data of a system in one file, and a system out of such a file.
import { command, UsageError } from './command-line.ts'

const help = `
usage: pnpm backup create <file> [--replace]
       pnpm backup restore <file> [--replace]
       pnpm backup secrets <file>

  create <file>    copies databases, stream and secrets while everything runs; - is standard output
  restore <file>   makes a system of it that has none of its services running, and no data
  --replace        also where there is a file or data, which is lost
  secrets <file>   prints the secrets that the data needs, as lines of an environment file

It works on what \`pnpm start\` keeps in this folder, or on <SERVICE>_MIGRATION_DATABASE_URL, NATS_URL, and TOKEN_SECRET
with its like. BACKUP_PASSPHRASE encrypts the secrets in the file.
Exit code 0: done. 1: it could not be done. 2: not a command.`

const commands = ['create', 'restore', 'secrets']

await command(
  { name: 'backup', help, options: { replace: { type: 'boolean' } }, words: [1, 2] },
  async ({ values: { replace = false }, words: [action = '', file] }) => {
    if (!commands.includes(action)) throw new UsageError(`there is no command "${action}"`)
    if (file === undefined) throw new UsageError(`${action} needs a file`)
    if (replace && action === 'secrets') throw new UsageError(`${action} takes no --replace`)
    const [{ createBackup }, { restoreBackup, secretsIn }] = await Promise.all([
      import('./backup/create.ts'),
      import('./backup/restore.ts')
    ])
    if (action === 'create') await createBackup(file, process.env, { replace })
    else if (action === 'restore') await restoreBackup(file, process.env, { replace })
    else {
      const secrets = Object.entries(await secretsIn(file, process.env))
      process.stdout.write(secrets.map(([name, value]) => `${name}=${value}\n`).join(''))
    }
  }
)
