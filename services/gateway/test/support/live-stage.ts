import { postCreated } from '@gatepost/contracts/posts/events'
import type { EventOf } from '@gatepost/events/outbox'
import { startBroker } from '@gatepost/testing/broker'
import { eventually } from '@gatepost/testing/eventually'
import { startPublisher } from '@gatepost/testing/publisher'
import { startGateway, uuid7 } from './gateway.ts'

export type LiveStage = Awaited<ReturnType<typeof startLiveStage>>

/** A gateway that is ready, on a nats-server of its own, with publishers in the place of auth and posts. */
export async function startLiveStage () {
  const broker = await startBroker()
  const gateway = await startGateway({ NATS_URL: broker.urlOf('gateway') })
  const [posts, auth] = await Promise.all([
    startPublisher(broker.urlOf('posts'), 'posts'),
    startPublisher(broker.urlOf('auth'), 'auth')
  ])
  await eventually(async () => {
    if ((await gateway.fetch('/ready')).status !== 200) throw new Error('not ready')
  })
  return {
    broker,
    gateway,
    auth,
    /** Announces a new post; resolves with its sequence in the stream. */
    post: (data: Partial<EventOf<typeof postCreated>['data']> = {}) =>
      posts.publish(postCreated, {
        data: {
          postId: uuid7(),
          authorId: uuid7(),
          title: 't',
          content: 'c',
          createdAt: new Date().toISOString(),
          ...data
        },
        aggregateVersion: 1
      }),
    async stop () {
      await Promise.all([posts.close(), auth.close()])
      await gateway.stop()
      await broker.stop()
    }
  }
}
