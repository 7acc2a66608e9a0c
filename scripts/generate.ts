// Writes the documents that follow from code.
import { command } from './command-line.ts'

const help = `
usage: pnpm generate [--check]

Writes the documents that follow from code: docs/errors.md, docs/events.md, docs/environment.md and .env.example.

  --check    writes nothing, and fails when a document is out of date

Exit code 0: every document is up to date. 1: with --check, one is not. 2: not a command.`

await command(
  { name: 'generate', help, options: { check: { type: 'boolean' } } },
  async ({ values: { check = false } }) => {
    const { staleDocuments } = await import('./generate/documents.ts')
    const stale = await staleDocuments({ write: !check })
    if (check && stale.length > 0) {
      throw new Error(`out of date: ${
        stale.join(', ')
      }; run \`pnpm generate\` and commit the result`)
    }
    console.log(stale.length === 0 ? 'every generated document is up to date' : `written: ${stale.join(', ')}`)
  }
)
