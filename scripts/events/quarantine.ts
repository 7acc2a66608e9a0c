import { events } from '@gatepost/contracts/events'
import type { ServiceName } from '@gatepost/contracts/service-name'
import {
  listQuarantined,
  type QuarantinedEvent,
  releaseQuarantined,
  skipQuarantined
} from '@gatepost/events/quarantine'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { table } from './table.ts'

/** Lists, releases or gives up the events that the stream refused for good. */
export async function quarantine (context: EventsContext): Promise<boolean> {
  const { args: { words: [action = 'list', id] }, database, print } = context
  const found = await all(context)
  if (action === 'list' && id === undefined) return list(context, found)
  if (!['release', 'skip'].includes(action) || id === undefined) {
    throw new UsageError('it is quarantine list | release <event id> | skip <event id>')
  }
  const event = found.find(({ eventId }) => eventId === id)
  if (!event) throw new Error(`no event ${id} is in quarantine`)
  const owner = await database(event.service)
  if (action === 'release') await releaseQuarantined(owner, id)
  else await skipQuarantined(owner, event, ({ service }) => database(service))
  print(
    { eventId: id, [action === 'release' ? 'released' : 'skipped']: true },
    `${id} is ${
      action === 'release' ? 'released: its relay tries again' : 'skipped'
    }; ${event.behind} later events of its aggregate follow`
  )
  return true
}

type Found = QuarantinedEvent & { service: ServiceName }

async function all ({ database }: EventsContext): Promise<Found[]> {
  const services = [...new Set(events.map(({ owner }) => owner))]
  const lists = await Promise
    .all(services.map(async (service) =>
      (await listQuarantined(await database(service))).map((event) => ({ service, ...event }))
    ))
  return lists.flat()
}

function list ({ args, print }: EventsContext, found: Found[]) {
  if (args.json) for (const event of found) print(event, '')
  else if (found.length === 0) print({}, 'nothing is in quarantine')
  else {
    print(
      {},
      table(
        ['event', 'type', 'since', 'waiting behind it', 'cause'],
        found.map((event) => [event.eventId, `${event.type} v${event.version}`, event.since, event.behind, event.error])
      )
    )
  }
  return true
}
