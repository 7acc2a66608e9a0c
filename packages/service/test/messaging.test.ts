import { userDeleted, userRegistered, userUpdated } from '@gatepost/contracts/auth/events'
import type { EventDefinition } from '@gatepost/contracts/event'
import { feed } from '@gatepost/contracts/feed/service'
import { postCreated } from '@gatepost/contracts/posts/events'
import { posts } from '@gatepost/contracts/posts/service'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import { expect, test } from 'vitest'
import { createMessaging } from '../src/messaging.ts'

type Options = Parameters<typeof createMessaging>[0]

const nothing = async () => {}
const messagingOf = (service: object, applied: EventDefinition[]) =>
  createMessaging({
    service: service as ServiceDefinition,
    effects: Object.fromEntries(applied.map(({ type }) => [type, nothing]))
  } as unknown as Options)

test('a service that leaves out an event it declares does not start', () => {
  expect(() => messagingOf(feed, [userRegistered, userUpdated, userDeleted, postCreated] as never)).toThrow(
    'feed: posts.post-updated.v1 is not applied, posts.post-deleted.v1 is not applied'
  )
})

test('a service that applies an event it does not declare does not start', () => {
  expect(() => messagingOf({ ...posts, store: 'inbox' }, [userDeleted, postCreated] as never))
    .toThrow('posts: posts.post-created.v1 is not among what it consumes')
})
