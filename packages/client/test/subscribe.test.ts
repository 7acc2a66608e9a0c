import { randomUUIDv7 } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { userRegistered } from '@gatepost/contracts/auth/events'
import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated } from '@gatepost/contracts/posts/events'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest'
import { createDedupe } from '../src/dedupe.ts'
import { subscribe } from '../src/subscribe.ts'
import { created, eventOf, startSubscriberStage, type SubscriberStage } from './support/subscriber-stage.ts'

let stage: SubscriberStage
beforeEach(async () => { stage = await startSubscriberStage() })
afterEach(() => stage.stop())

test('events come typed, in order, from the first on, and only those that were asked for', async () => {
  const userId = randomUUIDv7()
  await stage.publish(
    created('one'),
    eventOf(userRegistered, userId, { userId, displayName: 'Ada', registeredAt: new Date().toISOString() }),
    created('two')
  )
  const seen: string[] = []
  stage.open.push(await subscribe({
    servers: stage.nats.url,
    events: [postCreated, userRegistered],
    onEvent (event, { sequence }) {
      expectTypeOf(event.data).toMatchTypeOf<{ title: string } | { displayName: string }>()
      seen.push(`${sequence} ${'title' in event.data ? event.data.title : event.data.displayName}`)
    }
  }))
  await eventually(() => expect(seen).toEqual(['1 one', '2 Ada', '3 two']))
  const posts: string[] = []
  await stage.follow({ events: [postCreated], onEvent: (event) => { posts.push(event.data.title) } })
  await eventually(() => expect(posts).toEqual(['one', 'two']))
})

test('a durable subscription goes on where it was; without a name it begins where it is told', async () => {
  await stage.publish(created('one'), created('two'))
  const seen: string[] = []
  const first = await stage.follow({ durable: 'my-program', onEvent: (event) => { seen.push(event.data.title) } })
  await eventually(() => expect(seen).toEqual(['one', 'two']))
  await first.stop()
  await stage.publish(created('three'))
  await stage.follow({ durable: 'my-program', onEvent: (event) => { seen.push(event.data.title) } })
  await eventually(() => expect(seen).toEqual(['one', 'two', 'three']))
  const late: string[] = []
  await stage.follow({ from: { sequence: 2 }, onEvent: (event) => { late.push(event.data.title) } })
  await eventually(() => expect(late).toEqual(['two', 'three']))
})

test('a name that NATS would not take, or refuses, is an error that says what to do', async () => {
  const follow = (durable: string) => stage.follow({ durable, onEvent: () => {} })
  for (const durable of ['', 'a b', 'a.b', 'a/b', 'a\\b', '*', 'a>', 'a\0', 'a'.repeat(256)]) {
    await expect(follow(durable)).rejects.toThrow(/^durable is a name of at most 255 characters without/)
  }
  await expect(follow('feed-posts')).rejects.toMatchObject({
    message: expect.stringMatching(/^NATS refuses the durable name "feed-posts" to this user: choose a name/),
    cause: { name: 'RequestError' }
  })
})

test('programs that share a durable subscription take turns: one event at a time, in order', async () => {
  const seen: string[] = []
  let busy = 0
  const options = {
    durable: 'my-program',
    async onEvent (event: CloudEvent<{ title: string }>) {
      expect(++busy).toBe(1)
      await setTimeout(2)
      seen.push(event.data.title)
      busy--
    }
  }
  await Promise.all([stage.follow(options), stage.follow(options)])
  const titles = Array.from({ length: 20 }, (_, at) => `number ${at}`)
  await stage.publish(...titles.map((title) => created(title)))
  await eventually(() => expect(seen).toEqual(titles))
})

test('a durable subscription that was made otherwise keeps the order from now on', async () => {
  await stage.makeDurable({ max_deliver: 3 })
  await stage.follow({ durable: 'my-program', onEvent: () => {} })
  expect((await stage.durable()).config).toMatchObject({
    filter_subject: postCreated.subject,
    max_ack_pending: 1,
    max_deliver: -1
  })
})

test('an event that takes long does not come twice', async () => {
  await stage.makeDurable({ ack_wait: 1_200 * 1e6 })
  const seen: string[] = []
  await stage.follow({
    durable: 'my-program',
    async onEvent (event) {
      seen.push(event.data.title)
      await setTimeout(event.data.title === 'long' ? 2_500 : 0)
    }
  })
  await stage.publish(created('long'), created('short'))
  await eventually(() => expect(seen).toContain('short'))
  expect(seen).toEqual(['long', 'short'])
})

test('an event whose handling fails comes again before any later one; the dedupe gives it one effect', async () => {
  const dedupe = createDedupe()
  const effects: string[] = []
  const errors: string[] = []
  const handled: string[] = []
  await stage.follow({
    onError: (error: Error) => { errors.push(error.message) },
    async onEvent (event: CloudEvent<{ title: string }>) {
      handled.push(event.data.title)
      await dedupe.once(event, () => { effects.push(event.data.title) })
      if (handled.length < 3) throw new Error('after the effect')
    }
  })
  await stage.publish(created('one'), created('two'))
  await eventually(() => expect(handled).toHaveLength(4))
  expect(effects).toEqual(['one', 'two'])
  expect(handled).toEqual(['one', 'one', 'one', 'two'])
  expect(errors).toEqual(['after the effect', 'after the effect'])
})

test('an event that does not fit its contract is told of and passed over', async () => {
  const seen: string[] = []
  const errors: string[] = []
  await stage.follow({
    onError: (error: Error) => {
      errors.push(error.message)
    },
    onEvent: (event) => {
      seen.push(event.data.title)
    }
  })
  await stage.publish({ ...created(), data: { title: 'x' } }, created('good'))
  await eventually(() => expect(seen).toEqual(['good']))
  expect(errors).toEqual([
    expect.stringMatching(/^event 1 does not fit its contract: \/data must have required property/)
  ])
})
