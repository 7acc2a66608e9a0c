import { consumers, type ConsumerDefinition } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { forgetCollisions, reapply } from '@gatepost/events/reapply'
import { type ReadModel, rebuild as rebuildBeside } from '@gatepost/events/rebuild'
import { readModels } from '../../services/feed/src/read-model.ts'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { stuck, waitForConsumer } from './progress.ts'

/** Builds anew what a consumer keeps, from all events. */
export async function rebuild (context: EventsContext): Promise<boolean> {
  const definition = (consumers as Record<string, ConsumerDefinition>)[context.args.words[0]!]
  if (!definition) throw new UsageError(`rebuild needs one of ${Object.keys(consumers).join(', ')}`)
  const readModel = (readModels as Record<string, ReadModel>)[definition.name]
  return readModel ? beside(context, definition, readModel) : inPlace(context, definition)
}

async function beside (context: EventsContext, definition: ConsumerDefinition, readModel: ReadModel) {
  const { operator, database, progress, print } = context
  const owner = definition.filter.split('.')[1] as ServiceName
  // A consumer is named after the aggregates, as their table is.
  const table = definition.name.slice(definition.service.length + 1).replaceAll('-', '_')
  const owned = await database(owner)
  async function versionsOf (ids: string[]) {
    const statement = `SELECT id::text, version FROM ${table} WHERE id = ANY ($1::uuid[])`
    return new Map((await owned.query<{ id: string, version: number }>(statement, [ids])).map((row) =>
      [row.id, row.version]))
  }
  const report = await (await database(definition.service)).session(async (client) =>
    rebuildBeside(await operator(), {
      definition, readModel, client, versionsOf, onProgress: (events) => progress(`${events} events`)
    }))
  const { events, changed, removed, rejected, ahead } = report
  print({ consumer: definition.name, ...report }, [
    `${definition.name} is rebuilt from ${events} events: ${changed} rows changed, ${removed} removed`,
    ...rejected > 0 ? [`${rejected} events could not be applied: \`pnpm events dlq list\``] : [],
    ...ahead > 0
      ? [`${ahead} rows are of versions that ${owner} has forgotten: \`pnpm events audit\` names them`]
      : []
  ].join('\n'))
  return rejected === 0 && ahead === 0
}

/** For a consumer without a read model. */
async function inPlace (context: EventsContext, definition: ConsumerDefinition) {
  const { operator, database, print } = context
  const { transaction } = await database(definition.service)
  await reapply(await operator(), { definition, transaction })
  const { total, left } = await waitForConsumer(context, definition.name)
  if (left === 0) await forgetCollisions({ definition, transaction })
  print({ consumer: definition.name, events: total, outstanding: left }, left === 0
    ? `${definition.name} has gone through ${total} events again`
    : `${left} of ${total} events are outstanding and no longer become fewer: ${stuck(definition.service)} ` +
      'Then run it again')
  return left === 0
}
