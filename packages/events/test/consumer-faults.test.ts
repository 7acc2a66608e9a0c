import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CloudEvent } from '@gatepost/contracts/event'
import { postCreated } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstream, type JsMsg } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listDeadLetters } from '../src/dead-letters.ts'
import { type ConsumerStage, setConsumerStage } from './support/consumer-stage.ts'
import { countStarts } from './support/effects.ts'
import { appendVersion, connectAs, eventually } from './support/stage.ts'

let stage: ConsumerStage
beforeEach(async () => { stage = await setConsumerStage() })
afterEach(() => stage.close())

/** Has the server count deliveries of one message, as one that came again and again. */
async function deliverInVain (sequence: number, times: number) {
  const consumer = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  for (let count = 0; count < times;) {
    const message: JsMsg | null = await consumer.next({ expires: 1_000 })
    if (message?.seq === sequence) count++
    message?.nak(count === times || message.seq !== sequence ? 2_000 : undefined)
  }
}

test(
  'an event that kills the process is dead-lettered after six starts; its neighbours are applied, none of them accused',
  { timeout: 120_000 },
  async () => {
    await stage.operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 700 * 1e6 })
    const events = Array.from({ length: 6 }, () => appendVersion(stage.sql, uuidv7(), 1))
    const [poison, ...others] = await Promise.all(events)
    for (const event of [others[0]!, poison!, ...others.slice(1)]) await stage.publish(event)
    // Three of the starts were in an earlier life: processes are dear.
    await countStarts(stage.feed, poison!, 3)
    let deaths = 0
    const urls = { DATABASE_URL: stage.feedUrl, NATS_URL: stage.nats.urlOf('feed') }
    const supervise = async () => {
      for (let running = true; running;) {
        const child = spawn(
          process.execPath,
          [fileURLToPath(new URL('support/consumer-process.ts', import.meta.url))],
          {
            env: { ...process.env, ...urls, POISON: poison!.subject },
            stdio: ['ignore', 'ignore', 'inherit']
          }
        )
        stage.defer(child, () => {
          child.kill('SIGTERM')
        })
        const [, signal] = await once(child, 'exit')
        running = signal === 'SIGKILL'
        if (running) deaths++
      }
    }
    void supervise()
    const [letter] = await eventually(() => listDeadLetters(stage.operator), (letters) => letters.length > 0, 100_000)
    expect(letter).toMatchObject({ consumer: 'feed-posts', cause: '5 starts ended without a result' })
    expect(letter!.event!.id).toBe(poison!.id)
    await stage.settled()
    for (const { subject } of others) expect(await stage.effectsOf(subject)).toEqual([1])
    expect(await stage.effectsOf(poison!.subject)).toEqual([])
    expect(await listDeadLetters(stage.operator)).toHaveLength(1)
    expect(deaths).toBe(3)
  }
)

test('an event whose predecessor does not come waits for 24 deliveries and not for one more', async () => {
  const events = []
  for (const post of [uuidv7(), uuidv7()]) {
    await appendVersion(stage.sql, post, 1)
    events.push(await appendVersion(stage.sql, post, 2))
  }
  const [patient, tired] = events as [CloudEvent, CloudEvent]
  await deliverInVain((await stage.publish(patient)).seq, 20)
  const sequence = (await stage.publish(tired)).seq
  await deliverInVain(sequence, 23)
  stage.consume()
  const [letter] = await eventually(() => listDeadLetters(stage.operator), (letters) => letters.length > 0)
  expect(letter).toMatchObject({
    sequence,
    deliveries: 24,
    cause: `version 2 of ${tired.subject} came and the one before it never did`
  })
  await eventually(() => stage.said('event dead-lettered').length === 1)
  expect((await stage.info()).num_ack_pending).toBe(1)
  expect((await stage.feed.query('SELECT FROM inbox')).rowCount).toBe(0)
})

test('events of a killed replica are handled within seconds by another one', async () => {
  const post = uuidv7()
  await stage.publish(await appendVersion(stage.sql, post, 1))
  const dying = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  expect((await dying.next({ expires: 5_000 }))!.seq).toBe(1)
  stage.consume()
  await stage.publish(await appendVersion(stage.sql, post, 2))
  await eventually(() => stage.effectsOf(post), (versions) => versions.length === 2, 10_000)
  expect(await stage.effectsOf(post)).toEqual([1, 2])
})

test('events whose redelivery was begun and did not end run one at a time', async () => {
  for (let count = 0; count < 3; count++) {
    const event = await appendVersion(stage.sql, uuidv7(), 1)
    await deliverInVain((await stage.publish(event)).seq, 2)
    await countStarts(stage.feed, event, 1)
  }
  let active = 0
  let most = 0
  let done = 0
  stage.consume({
    handlers: {
      [postCreated.type]: async () => {
        most = Math.max(most, ++active)
        await new Promise((resolve) => setTimeout(resolve, 300))
        active--
        done++
      }
    }
  })
  await eventually(() => done === 3)
  expect(most).toBe(1)
})

test('a replica that stops finishes the events that it began, and gives the others back at once', async () => {
  await stage.operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 60_000 * 1e6 })
  const events = await Promise.all(Array.from({ length: 4 }, () => appendVersion(stage.sql, uuidv7(), 1)))
  for (const event of events) await stage.publish(event)
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let finished = false
  const first = stage.consume({
    concurrency: 1,
    handlers: {
      [postCreated.type]: async () => {
        begun.resolve()
        await released.promise
        finished = true
      }
    }
  })
  await begun.promise
  await eventually(() => first.status().inFlight === 4)
  const stopped = first.stop().then(() => finished)
  setTimeout(released.resolve, 100)
  expect(await stopped).toBe(true)
  stage.consume()
  // Not three: the server may keep one for the pull request of the stopped replica, until the acknowledgement wait.
  await eventually(
    async () => (await Promise.all(events.map(({ subject }) => stage.effectsOf(subject)))).flat(),
    (versions) => versions.length >= 2
  )
})
