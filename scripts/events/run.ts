import { parseArguments, UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'

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
  tail: async () => (await import('./tail.ts')).tail,
  show: async () => (await import('./show.ts')).show,
  dlq: async () => (await import('./dlq.ts')).dlq,
  replay: async () => (await import('./replay.ts')).replay,
  resync: async () => (await import('./resync.ts')).resyncCommand,
  audit: async () => (await import('./audit.ts')).audit,
  provision: async () => (await import('./provision.ts')).provisionCommand
}

/** Runs one command and says on standard error what is wrong with it; resolves with the exit code. */
export async function runEvents (argv: string[], env: NodeJS.ProcessEnv): Promise<0 | 1 | 2> {
  try {
    const args = parseArguments(argv)
    const command = await commands[args.command]?.()
    if (!command) throw new UsageError(USAGE)
    const { connectToEvents } = await import('./context.ts')
    const context = connectToEvents(args, env)
    try {
      return await command(context) ? 0 : 1
    } finally {
      await context.close()
    }
  } catch (error) {
    const usage = error instanceof UsageError
    console.error(usage ? error.message : `events: ${(error as Error).message}`)
    return usage ? 2 : 1
  }
}
