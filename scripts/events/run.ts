import { parseArguments } from './arguments.ts'
import type { EventsContext } from './context.ts'

/** Resolves with whether all is well. Only the command's own modules are loaded. */
const commands: Record<string, () => Promise<(context: EventsContext) => Promise<boolean>>> = {
  tail: async () => (await import('./tail.ts')).tail,
  show: async () => (await import('./show.ts')).show,
  dlq: async () => (await import('./dlq.ts')).dlq,
  quarantine: async () => (await import('./quarantine.ts')).quarantine,
  replay: async () => (await import('./replay.ts')).replay,
  rebuild: async () => (await import('./rebuild.ts')).rebuild,
  resync: async () => (await import('./resync.ts')).resyncCommand,
  snapshot: async () => (await import('./snapshot.ts')).snapshot,
  audit: async () => (await import('./audit.ts')).audit,
  subscriber: async () => (await import('./subscriber.ts')).subscriber,
  provision: async () => (await import('./provision.ts')).provisionCommand
}

/** Runs one command and resolves with its exit code. */
export async function runEvents (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<0 | 1> {
  const args = parseArguments(argv)
  const command = await commands[args.command]!()
  const { connectToEvents } = await import('./context.ts')
  const context = connectToEvents(args, env)
  try {
    return await command(context) ? 0 : 1
  } finally {
    await context.close()
  }
}
