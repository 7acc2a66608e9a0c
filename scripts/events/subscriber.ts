import { randomBytes } from 'node:crypto'
import { inboxPrefixOf } from '@gatepost/events/broker'
import { connectOperator, orMissing } from '@gatepost/events/operator'
import { readSubscribers, writeSubscribers } from '@gatepost/events/subscriber-file'
import { consumerNamesOf, faultOfName, MAX_CONSUMERS_OF_ONE, type Subscriber } from '@gatepost/events/subscribers'
import { EVENTS_STREAM } from '@gatepost/contracts/event'
import { portsOf } from '../start/addresses.ts'
import { subscribersOf, writeEmbeddedAccounts } from '../start/broker.ts'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { table } from './table.ts'

const USAGE = 'usage: pnpm events subscriber add <name> [--consumers N] | list | remove <name>'
const DEFAULT_CONSUMERS = 5
const RELOAD_MS = 3_000
const DEPLOYED =
  'written; it counts once the accounts are written (deploy/nats/write-configuration.ts) and the servers have ' +
  'reloaded them'

/** Programs outside that read the events, each as a user of its own. */
export async function subscriber (context: EventsContext): Promise<boolean> {
  const [action = 'list', name] = context.args.words
  const file = context.env.NATS_SUBSCRIBERS || subscribersOf(context.dataDir)
  const subscribers = await readSubscribers(file)
  if (action === 'list') return list(context, subscribers)
  if (!['add', 'remove'].includes(action) || name === undefined) throw new UsageError(USAGE)
  const found = subscribers.find((each) => each.name === name)
  return action === 'add'
    ? add(context, { name, file, subscribers, found })
    : remove(context, { name, file, subscribers, found })
}

interface Change {
  name: string
  file: string
  subscribers: Subscriber[]
  found: Subscriber | undefined
}

async function add (context: EventsContext, { name, file, subscribers, found }: Change) {
  const { consumers = DEFAULT_CONSUMERS } = context.args
  const fault = faultOfName(name) ??
    (consumers < 1 || consumers > MAX_CONSUMERS_OF_ONE ? `--consumers needs 1 to ${MAX_CONSUMERS_OF_ONE}` : undefined)
  if (fault) throw new UsageError(fault)
  if (found) throw new Error(`there is a subscriber ${name}; remove it first for a new password`)
  const added = { name, password: randomBytes(24).toString('base64url'), consumers }
  await writeSubscribers(file, [...subscribers, added])
  const address = `nats://${name}:${added.password}@${await hostOf(context)}`
  const state = await takeEffect(context, () => reads(address))
  context.print(
    { name, address, inboxPrefix: inboxPrefixOf(name), consumers: consumerNamesOf(added), state },
    [
      table(['', ''], [['address', address], ['inbox prefix', inboxPrefixOf(name)], [
        'consumers',
        consumerNamesOf(added).join(', ')
      ]]).trim(),
      '',
      state
    ].join('\n')
  )
  return true
}

/** Deletes its consumers too, so that a later subscriber of that name does not inherit them. */
async function remove (context: EventsContext, { name, file, subscribers, found }: Change) {
  if (!found) throw new Error(`there is no subscriber ${name}`)
  await writeSubscribers(file, subscribers.filter((each) => each !== found))
  const address = `nats://${name}:${found.password}@${await hostOf(context)}`
  const state = await takeEffect(context, async () => !await reads(address))
  const operator = await context.operator().catch(() => undefined)
  for (const consumer of operator ? consumerNamesOf(found) : []) {
    await orMissing(operator!.jsm.consumers.delete(EVENTS_STREAM, consumer))
  }
  context.print({ name, removed: true, state }, `${name} is removed: ${state}`)
  return true
}

async function list ({ print, args }: EventsContext, subscribers: Subscriber[]) {
  if (args.json) { for (const { name, consumers } of subscribers) print({ name, consumers }, '') } else {
    print(
      {},
      subscribers.length === 0
        ? 'no subscribers'
        : table(['name', 'consumers'], subscribers.map(({ name, consumers }) => [name, consumers]))
    )
  }
  return true
}

async function reads (address: string): Promise<boolean> {
  const connected = await connectOperator(address).catch(() => undefined)
  const stream = await connected?.jsm.streams.info(EVENTS_STREAM).catch(() => undefined)
  await connected?.close()
  return stream !== undefined
}

async function hostOf ({ env, natsUrl }: EventsContext) {
  return env.NATS_URL ? new URL((await natsUrl()).split(',')[0]!).host : `127.0.0.1:${portsOf(env).nats}`
}

/** The embedded broker reads its accounts by itself. */
async function takeEffect ({ env, dataDir }: EventsContext, inEffect: () => Promise<boolean>): Promise<string> {
  if (env.NATS_SUBSCRIBERS) return DEPLOYED
  await writeEmbeddedAccounts(dataDir)
  for (const deadline = Date.now() + RELOAD_MS; Date.now() < deadline;) {
    if (await inEffect()) return 'in effect now'
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return 'in effect from the next start on'
}
