import { EVENTS_SUBJECTS, type CloudEvent } from '@gatepost/contracts/event'
import { events } from '@gatepost/contracts/events'
import { createBroker, type Log } from '@gatepost/events/broker'
import { createTail } from '@gatepost/events/tail'
import { parseEvent } from '@gatepost/events/validation'
import { UsageError } from './arguments.ts'
import type { EventsContext } from './context.ts'
import { visible } from './table.ts'

const say = (fields: unknown, text?: string) => { process.stderr.write(`${text ?? String(fields)}\n`) }
const log: Log = { debug: () => {}, info: () => {}, warn: say, error: say }

/** Ends after `--count` events, or when it is interrupted. */
export async function tail ({ args, natsUrl, print }: EventsContext): Promise<boolean> {
  const { type, from, count = Infinity } = args
  if (type && !events.some((event) => event.type === type)) {
    throw new UsageError(`there is no event ${type}, only ${events.map((event) => event.type).join(', ')}`)
  }
  if (count < 1) throw new UsageError('--count needs a number above 0')
  const url = await natsUrl()
  const broker = createBroker({ servers: url, name: new URL(url.split(',')[0]!).username || 'reader', log })
  let seen = 0
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const following = createTail({
    broker,
    log,
    filter: type ? `events.${type}` : EVENTS_SUBJECTS,
    from: from === undefined ? 'now' : { sequence: from },
    onMessage (message) {
      if (seen >= count) return
      const event = parseEvent(message.data)
      print({ sequence: message.seq, event }, lineOf(message.seq, event))
      if (++seen >= count) resolve()
    }
  })
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
  void following.caughtUp.then(() => {
    if (!args.json && from === undefined) process.stderr.write('waiting for events …\n')
  })
  await ended
  following.stop()
  await broker.close()
  return true
}

function lineOf (sequence: number, { type, time, subject, aggregateversion, data }: CloudEvent) {
  return `#${sequence}  ${time}  ${type}  ${subject} v${aggregateversion}  ${
    visible(JSON.stringify(data)).slice(0, 120)
  }`
}
