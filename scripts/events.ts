// Looks into the stream of events and repairs what can go wrong with it; docs/events-cli.md has examples.
import { enableCompileCache } from 'node:module'
import { parseArguments, UsageError } from './events/arguments.ts'
import { type EventsContext } from './events/context.ts'

enableCompileCache()

const USAGE = `usage: pnpm events <command> [--json]

  tail [--type T] [--from SEQUENCE] [--count N]   events as they come
  show <id>                                       one event, where it stands, and who has applied it
  dlq list [--consumer C]                         what consumers could not apply
  dlq show|drop <number>                          one of them
  dlq replay <number> | --all [--consumer C]      has the consumer try again
  replay --consumer C --from SEQUENCE             gives a consumer everything from there on again
  resync [--dry-run]                              publishes again what the stream has lost
  audit [--wait SECONDS]                          compares rows, outboxes, stream and feed
  provision [--check]                             makes streams and consumers, or says what is missing

Exit code 0: done, nothing wrong. 1: something is wrong, or could not be done. 2: not a command.`

/** Resolves with whether all is well. Only what the command needs is loaded. */
const commands: Record<string, () => Promise<(context: EventsContext) => Promise<boolean>>> = {
  tail: async () => (await import('./events/tail.ts')).tail,
  show: async () => (await import('./events/show.ts')).show,
  dlq: async () => (await import('./events/dlq.ts')).dlq,
  replay: async () => (await import('./events/replay.ts')).replay,
  resync: async () => (await import('./events/resync.ts')).resyncCommand,
  audit: async () => (await import('./events/audit.ts')).audit,
  provision: async () => (await import('./events/provision.ts')).provisionCommand
}

try {
  const args = parseArguments(process.argv.slice(2))
  const command = await commands[args.command]?.()
  if (!command) throw new UsageError(USAGE)
  const { connectToEvents } = await import('./events/context.ts')
  const context = connectToEvents(args, process.env)
  try {
    process.exitCode = await command(context) ? 0 : 1
  } finally {
    await context.close()
  }
} catch (error) {
  const usage = error instanceof UsageError
  console.error(usage ? error.message : `events: ${(error as Error).message}`)
  process.exitCode = usage ? 2 : 1
}
