import { consumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import { rewindConsumer } from '@gatepost/events/rewind'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { stuck, waitForConsumer } from './progress.ts'

/** Redelivers everything from a sequence on to a consumer, and waits until it is applied. */
export async function replay (context: EventsContext): Promise<boolean> {
  const { args, operator, print } = context
  const definition = (consumers as Record<string, ConsumerDefinition>)[args.consumer ?? '']
  if (!definition || args.from === undefined) {
    throw new UsageError(`replay needs --consumer ${Object.keys(consumers).join('|')} and --from SEQUENCE`)
  }
  await rewindConsumer(await operator(), definition, args.from)
  const { total, left } = await waitForConsumer(context, definition.name)
  print({ consumer: definition.name, from: args.from, events: total, outstanding: left }, left === 0
    ? `${definition.name} has gone through ${total} events from sequence ${args.from}`
    : `${left} of ${total} events are outstanding and no longer become fewer: ${stuck(definition.service)}`)
  return left === 0
}
