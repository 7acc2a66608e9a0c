import { setTimeout as sleep } from 'node:timers/promises'
import { consumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import { outstandingOf, rewindConsumer } from '@gatepost/events/rewind'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'

/** Gives a consumer everything from a sequence on again, and waits until it has applied it. */
export async function replay ({ args, operator, print, progress }: EventsContext): Promise<boolean> {
  const definition = (consumers as Record<string, ConsumerDefinition>)[args.consumer ?? '']
  if (!definition || args.from === undefined) throw new UsageError(`replay needs --consumer ${Object.keys(consumers).join('|')} and --from SEQUENCE`)
  const connected = await operator()
  await rewindConsumer(connected, definition, args.from)
  const total = await outstandingOf(connected, definition.name)
  let left = total
  for (let quiet = 0; left > 0 && quiet < args.wait * 5;) {
    progress(`${definition.name}: ${total - left} of ${total} events`)
    await sleep(200)
    const now = await outstandingOf(connected, definition.name)
    quiet = now < left ? 0 : quiet + 1
    left = now
  }
  print({ consumer: definition.name, from: args.from, events: total, outstanding: left }, left === 0
    ? `${definition.name} has gone through ${total} events from sequence ${args.from}`
    : `${left} of ${total} events are outstanding and no longer become fewer: does ${definition.service} run? what do its log and \`pnpm events dlq list\` say?`)
  return left === 0
}
