// Writes what is equal in every new part, so that what differs is all that one has to write.
import { command, UsageError } from './command-line.ts'

const help = `
usage: pnpm new service <name> [--dry-run]

  service <name>    writes a working service: declaration, one resource (create with Idempotency-Key, read, list), its
                    events, a consumer of user-deleted, schema and first migration, settings, README and tests
  --dry-run         writes nothing and prints the paths

The name is in kebab-case and mostly a plural: orders, order-items. No hand-written file is changed. To remove a
service, delete its three folders and run \`pnpm install\` and \`pnpm generate\`.
Exit code 0: done. 1: it could not be done. 2: not a command.`

await command(
  { name: 'new', help, options: { 'dry-run': { type: 'boolean' } }, words: [1, 2] },
  async ({ values: { 'dry-run': dryRun = false }, words: [kind, name] }) => {
    if (kind !== 'service') throw new UsageError(`there is no command "${kind}"`)
    if (name === undefined) throw new UsageError('service needs a name')
    const { newService } = await import('./new/service.ts')
    await newService(name, { dryRun })
  }
)
