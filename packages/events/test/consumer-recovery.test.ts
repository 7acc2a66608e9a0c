import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstream } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ConsumerOptions } from '../src/consumer.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { recordAll, type Tx } from './support/effects.ts'
import { appendVersion, connectAs, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

async function publishVersions (posts: string[], first: number, last: number) {
  for (let version = first; version <= last; version++) {
    const events = await Promise.all(posts.map((post) => appendVersion(stage.sql, post, version)))
    for (const event of events) await stage.publish(event)
  }
}

const postIds = (count: number) => Array.from({ length: count }, () => uuidv7())

const slowly = (ms: number): ConsumerOptions<Tx>['handlers'] =>
  Object.fromEntries(Object.entries(recordAll).map(([type, handler]) => [type, async (event, tx) => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    await handler(event, tx)
  }]))

test('nothing is delivered twice without a crash, however long it waits behind slow handlers', async () => {
  await stage.operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 1_000 * 1e6 })
  await publishVersions(postIds(400), 1, 1)
  stage.consume({ handlers: slowly(20), concurrency: 2 })
  await eventually(
    async () => (await stage.info()).ack_floor.stream_seq,
    (floor) => floor === 400,
    30_000
  )
  expect((await stage.info()).delivered.consumer_seq).toBe(400)
})

test('after five killed replicas every event has one effect, soon after the acknowledgement wait', async () => {
  const posts = postIds(32)
  await publishVersions(posts, 1, 3)
  const dying = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  for (let life = 1; life <= 5; life++) {
    // The last one says nothing, as one that was killed; of the others the wait is over.
    for await (const message of await dying.fetch({ max_messages: 96, expires: 2_000 })) if (life < 5) message.nak()
  }
  stage.consume({ handlers: slowly(20) })
  await publishVersions(posts, 4, 6)
  const published = performance.now()
  const { rows } = await eventually(
    () =>
      stage.feed.query<
        { post: string, versions: number[] }
      >('SELECT post, array_agg(version ORDER BY id) AS versions FROM effects GROUP BY post'),
    (found) => found.rows.flatMap(({ versions }) => versions).length === 32 * 6,
    30_000
  )
  for (const { versions } of rows) expect(versions).toEqual([1, 2, 3, 4, 5, 6])
  expect(performance.now() - published).toBeLessThan(6_000) // 2.5 s on a quiet machine
})
