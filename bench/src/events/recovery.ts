import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { postCreated } from '@gatepost/contracts/posts/events'
import type { Broker } from '@gatepost/events/broker'
import { startChild } from '@gatepost/local-stack/child'
import { create } from './creations.ts'
import type { Ground } from './ground.ts'

const EVERY_MS = 20

/**
 * Two replicas of a relay and a steady trickle of creations: from each kill, the seconds until what was
 * killed answers again, where it is started again, and until something created after the kill is there.
 */
export async function recoveries (
  ground: Ground,
  subscriber: Broker
): Promise<Record<string, { server: number, event: number }>> {
  const leaders: number[] = []
  const replicas = [0, 1].map((index) =>
    startChild(process.execPath, [fileURLToPath(new URL('relay-process.ts', import.meta.url))], {
      name: 'relay',
      env: { ...process.env, DATABASE_URL: ground.databaseUrl, NATS_URL: ground.natsUrl('posts') },
      onOutput: (text) => {
        if (text.includes('this relay leads')) leaders.push(index)
      }
    })
  )
  const created = new Map<string, number>()
  const arrived = { newest: 0 }
  void subscriber.connection()!.subscribe(postCreated.subject, {
    callback (_error, message) {
      arrived.newest = Math.max(arrived.newest, created.get(message.headers?.get('Nats-Msg-Id') ?? '') ?? 0)
    }
  })
  const ending = new AbortController()
  const creating = (async () => {
    while (!ending.signal.aborted) {
      const event = await create(ground).catch(() => undefined) // the database may be what was killed
      if (event) created.set(event.id, performance.now())
      await sleep(EVERY_MS)
    }
  })()
  async function secondsFrom (kill: () => unknown) {
    const begun = performance.now()
    const since = () => (performance.now() - begun) / 1_000
    const killing = Promise.resolve(kill()).then(since)
    while (arrived.newest <= begun) await sleep(5)
    const event = since()
    const server = await killing
    await sleep(2_000) // lets the system settle before the next kill
    return { server, event }
  }
  try {
    while (arrived.newest === 0) await sleep(20)
    return {
      'nats-server, started again at once': await secondsFrom(() => ground.crash('nats')),
      'PostgreSQL, started again at once': await secondsFrom(() => ground.crash('postgres')),
      'the leading relay, not started again': await secondsFrom(() => replicas[leaders.at(-1)!]!.signal('SIGKILL'))
    }
  } finally {
    ending.abort()
    await creating
    await Promise.all(replicas.map((replica) => replica.stop()))
  }
}
