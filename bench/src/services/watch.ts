import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import { createBroker } from '@gatepost/events/broker'
import { CONTENT } from './floor.ts'
import type { Stage } from './stage.ts'

/** Creates posts through the gateway at a steady rate and watches their events arrive at a subscriber. */
export async function watchEvents (
  { urls, token, natsUrl }: Stage,
  { rate, seconds }: { rate: number, seconds: number }
) {
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: console.error }
  const broker = createBroker({ servers: natsUrl('provisioner'), name: 'provisioner', log })
  const nc = await broker.connected()
  const arrived = new Map<string, number>()
  nc.subscribe(postCreated.subject, {
    callback (_error, message) {
      arrived.set(message.json<{ subject: string }>().subject, performance.now())
    }
  })
  await nc.flush()
  const answered = new Map<string, number>()
  async function create () {
    const answer = await fetch(`${urls.gateway}/api/posts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'watched', content: CONTENT })
    })
    const at = performance.now()
    answered.set((await answer.json() as { id: string }).id, at)
  }
  const running: Array<Promise<void>> = []
  for (const begun = performance.now(); performance.now() < begun + seconds * 1_000; await sleep(2)) {
    while (running.length < rate * (performance.now() - begun) / 1_000) running.push(create())
  }
  await Promise.all(running)
  for (
    const deadline = performance.now() + 5_000;
    [...answered.keys()].some((id) => !arrived.has(id)) && performance.now() < deadline;
  ) await sleep(20)
  await broker.close()
  const delays = [...answered].slice(rate / 2).map(([id, at]) => Math.max(0, (arrived.get(id) ?? NaN) - at)).sort((
    a,
    b
  ) => a - b)
  return {
    rate,
    events: delays.length,
    p50: delays[Math.floor(delays.length / 2)] ?? NaN,
    p99: delays[Math.floor(delays.length * 0.99)] ?? NaN
  }
}
