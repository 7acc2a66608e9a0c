import { randomUUIDv7 } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { postCreated } from '@gatepost/contracts/posts/events'
import { appendEvent } from '@gatepost/events/outbox'
import type { Ground } from './ground.ts'

const CONNECTIONS_WAIT = 200

/** Commits one event, as a service does, with a prepared statement. */
export async function create ({ pool }: Pick<Ground, 'pool'>) {
  const id = randomUUIDv7()
  const sql = {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query({ name: 'create', text, values: [...values] })).rows as Row[]
  }
  return await appendEvent(sql, postCreated, {
    aggregateVersion: 1,
    data: {
      postId: id,
      authorId: id,
      title: 'A title of some length',
      content: 'Lorem ipsum dolor sit amet, '.repeat(8),
      createdAt: new Date().toISOString()
    }
  })
}

/** Creates at a steady rate, or as fast as possible; resolves with the rate per second. */
export async function createFor (
  ground: Ground,
  { rate = Infinity, seconds, onCommit }: { rate?: number, seconds: number, onCommit: (eventId: string) => void }
) {
  const begun = performance.now()
  const elapsed = () => (performance.now() - begun) / 1_000
  const running = new Set<Promise<void>>()
  let count = 0
  while (elapsed() < seconds) {
    for (
      const due = Math.min(rate * elapsed(), Number.MAX_SAFE_INTEGER);
      count < due && running.size < CONNECTIONS_WAIT;
      count++
    ) {
      const creation: Promise<void> = create(ground).then((event) => {
        running.delete(creation)
        onCommit(event.id)
      })
      running.add(creation)
    }
    await sleep(2)
  }
  await Promise.all(running)
  return count / elapsed()
}
