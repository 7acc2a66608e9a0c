import { setTimeout as sleep } from 'node:timers/promises'
import { outstandingOf } from '@gatepost/events/rewind'
import type { EventsContext } from './context.ts'

/** Waits until a consumer has nothing left, or for `--wait` seconds has got no further; resolves with what is left. */
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

/** What to look at when a consumer gets no further. */
export const stuck = (service: string) => `does ${service} run? what do its log and \`pnpm events dlq list\` say?`
