// Looks into the stream of events and repairs what can go wrong with it; docs/events-cli.md has examples.
import { connectToEvents, type EventsContext } from './events/context.ts'
import { audit } from './events/audit.ts'
import { dlq } from './events/dlq.ts'
import { provisionCommand } from './events/provision.ts'
import { replay } from './events/replay.ts'
import { resyncCommand } from './events/resync.ts'
import { show } from './events/show.ts'
import { tail } from './events/tail.ts'
import { parseArguments, UsageError } from './events/arguments.ts'

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

/** Resolves with whether all is well. */
const commands: Record<string, (context: EventsContext) => Promise<boolean>> = { tail, show, dlq, replay, resync: resyncCommand, audit, provision: provisionCommand }

try {
  const args = parseArguments(process.argv.slice(2))
  const command = commands[args.command]
  if (!command) throw new UsageError(USAGE)
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
