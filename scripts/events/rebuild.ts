import { consumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import { beginRebuild, finishRebuild } from '@gatepost/events/rebuild'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { stuck, waitForConsumer } from './progress.ts'

/** Rebuilds a consumer's read model from the events and removes rows that no event names. */
export async function rebuild (context: EventsContext): Promise<boolean> {
  const { args, operator, database, print } = context
  const definition = (consumers as Record<string, ConsumerDefinition>)[args.words[0]!]
  if (!definition) throw new UsageError(`rebuild needs one of ${Object.keys(consumers).join(', ')}`)
  const { transaction } = await database(definition.service)
  await beginRebuild(await operator(), { definition, transaction })
  const { total, left } = await waitForConsumer(context, definition.name)
  if (left > 0) {
    print(
      { consumer: definition.name, events: total, outstanding: left },
      `${left} of ${total} events are outstanding and no longer become fewer: ${
        stuck(definition.service)
      } Then run it again`
    )
    return false
  }
  const removed = await finishRebuild({ definition, transaction })
  print(
    { consumer: definition.name, events: total, outstanding: 0, removed },
    `${definition.name} is rebuilt from ${total} events; ${removed} rows of which none spoke are removed`
  )
  return true
}
