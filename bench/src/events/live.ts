import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import type { Broker, Log } from '@gatepost/events/broker'
import { createRelay } from '@gatepost/events/relay'
import { createFor } from './creations.ts'
import type { Ground } from './ground.ts'

const WARM_UP_SECONDS = 1

/** Commits events at a steady rate, and watches them arrive at a subscriber on a connection of its own. */
export async function live (
  ground: Ground,
  { broker, subscriber, log }: { broker: Broker, subscriber: Broker, log: Log },
  { rate, seconds }: { rate: number, seconds: number }
) {
  const relay = createRelay({ databaseUrl: ground.databaseUrl, service: 'posts', broker, log: log as never })
  relay.start()
  while (!relay.status().leader) await sleep(20)
  const committed = new Map<string, number>()
  const arrived = new Map<string, number>()
  const subscription = subscriber.connection()!.subscribe(postCreated.subject, {
    callback (_error, message) { arrived.set(message.headers?.get('Nats-Msg-Id') ?? '', performance.now()) }
  })
  await subscriber.connection()!.flush()
  await createFor(ground, { rate, seconds: WARM_UP_SECONDS, onCommit: relay.wake })
  let oldest = 0
  const watch = setInterval(() => { oldest = Math.max(oldest, relay.status().oldestUnpublishedSeconds) }, 100)
  const made = await createFor(ground, {
    rate,
    seconds,
    onCommit (eventId) {
      committed.set(eventId, performance.now())
      relay.wake()
    }
  })
  for (
    const deadline = performance.now() + 5_000;
    [...committed.keys()].some((id) => !arrived.has(id)) && performance.now() < deadline;
  ) await sleep(20)
  clearInterval(watch)
  subscription.unsubscribe()
  await relay.stop()
  // An event may arrive before its creator learns of the commit.
  const delays = [...committed].map(([id, at]) => Math.max(0, (arrived.get(id) ?? NaN) - at)).sort((a, b) => a - b)
  const percentile = (share: number) => delays[Math.floor(delays.length * share)] ?? NaN
  return {
    rate,
    made,
    oldestMs: oldest * 1_000,
    p50: percentile(0.5),
    p99: percentile(0.99),
    events: delays.length,
    lost: delays.filter(Number.isNaN).length
  }
}
