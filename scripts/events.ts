// Looks into the stream of events and repairs what can go wrong with it; docs/events-cli.md has examples.
import { enableCompileCache } from 'node:module'
import { rawCommand } from './command-line.ts'

enableCompileCache()

const help = `
usage: pnpm events <command> [--json]

  tail [--type T] [--from SEQUENCE] [--count N]   events as they come
  show <id>                                       one event, its places, and its consumers
  dlq list [--consumer C]                         events that consumers could not apply
  dlq show|drop <number>                          one of them
  dlq replay <number> | --all [--consumer C]      has the consumer try again
  quarantine list                                 events that the stream refused for good
  quarantine release|skip <event id>              has it published again, or gives it up
  replay --consumer C --from SEQUENCE             gives a consumer all events from there on again
  rebuild <consumer>                              builds its read model anew from all events
  resync [--dry-run]                              publishes events again that the stream lost
  snapshot <service> [--dry-run]                  publishes what is, where the stream lost how it began
  audit [--wait SECONDS]                          compares rows, outboxes, stream and feed
  subscriber add <name> [--consumers N]           lets a program outside read the events, as a user of its own
  subscriber list | remove <name>                 the programs outside
  provision [--check]                             makes streams and consumers, or says what is missing

Exit code 0: done, nothing wrong. 1: something is wrong, or could not be done. 2: not a command.`

await rawCommand({ name: 'events', help }, async (argv) => {
  const { runEvents } = await import('./events/run.ts')
  return runEvents(argv, process.env)
})
