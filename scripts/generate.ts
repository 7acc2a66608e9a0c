// Writes the files that follow from code.
import { command } from './command-line.ts'

const help = `
usage: pnpm generate [--check]

Writes the files that follow from what the services declare: the modules of packages/contracts that collect them,
docs/errors.md, docs/events.md, docs/environment.md and .env.example. Prisma's clients follow their schemas.

  --check    writes nothing, and fails when a file is out of date

Exit code 0: every file is up to date. 1: with --check, one is not. 2: not a command.`

await command(
  { name: 'generate', help, options: { check: { type: 'boolean' } } },
  async ({ values: { check = false } }) => {
    const { staleFiles } = await import('./generate/run.ts')
    const stale = await staleFiles({ write: !check })
    if (check && stale.length > 0) {
      throw new Error(`out of date: ${
        stale.join(', ')
      }; run \`pnpm generate\` and commit the result`)
    }
    const clients = check ? [] : await import('./clients.ts').then(({ refreshClients }) => refreshClients())
    const written = [...stale, ...clients.map((service) => `the Prisma client of ${service}`)]
    console.log(written.length === 0 ? 'every generated file is up to date' : `written: ${written.join(', ')}`)
  }
)
