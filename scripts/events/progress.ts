import { setTimeout as sleep } from 'node:timers/promises'
import { outstandingOf } from '@gatepost/events/rewind'
import type { EventsContext } from './context.ts'

/** Waits until a consumer is done or makes no progress for `--wait` seconds; resolves with the events left. */
export async function waitForConsumer (
  { args, operator, progress }: EventsContext,
  consumer: string
): Promise<{ total: number, left: number }> {
  const connected = await operator()
  const total = await outstandingOf(connected, consumer)
  let left = total
  for (let quiet = 0; left > 0 && quiet < args.wait * 5;) {
    progress(`${consumer}: ${total - left} of ${total} events`)
    await sleep(200)
    const now = await outstandingOf(connected, consumer)
    quiet = now < left ? 0 : quiet + 1
    left = now
  }
  return { total, left }
}

/** Hints for a consumer that makes no progress. */
export const stuck = (service: string) => `does ${service} run? what do its log and \`pnpm events dlq list\` say?`
