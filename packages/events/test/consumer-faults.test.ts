import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CloudEvent } from '@gatepost/contracts/event'
import { consumers } from '@gatepost/contracts/events'
import { postCreated } from '@gatepost/contracts/posts/events'
import { jetstream, type JsMsg } from '@nats-io/jetstream'
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createConsumer, type ConsumerOptions } from '../src/consumer.ts'
import { storeDeadLetter } from '../src/consumer/dead-letter-store.ts'
import { listDeadLetters } from '../src/dead-letters.ts'
import { connectOperator, type Operator } from '../src/operator.ts'
import { provision } from '../src/provision.ts'
import { createEffects, recordAll, transactionOf, type Tx } from './support/effects.ts'
import { appendVersion, connectAs, eventually, setStage, type Stage, uuidv7 } from './support/stage.ts'

let stage: Stage
let operator: Operator
let feed: pg.Pool
let feedUrl: string
beforeEach(async () => {
  stage = await setStage()
  operator = stage.defer(await connectOperator(stage.nats.urlOf('provisioner')), (connected) => connected.close())
  const effects = await createEffects(stage)
  feed = effects.pool
  feedUrl = effects.url
})
afterEach(() => stage.close())

const publish = (event: CloudEvent) => operator.js.publish(`events.${event.type}`, JSON.stringify(event))
const effectsOf = async (post: string) =>
  (await feed.query<{ version: number }>('SELECT version FROM effects WHERE post = $1 ORDER BY id', [post])).rows.map((
    row
  ) => row.version)
const unacknowledged = async () => (await operator.jsm.consumers.info('EVENTS', 'feed-posts')).num_ack_pending
const inboxNames = async () =>
  (await feed.query<{ consumer: string }>('SELECT DISTINCT consumer FROM inbox ORDER BY consumer')).rows.map((row) =>
    row.consumer
  )

function consume (more: Partial<ConsumerOptions<Tx>> = {}) {
  const consumer = stage.defer(
    createConsumer<Tx>({
      broker: stage.broker('feed'),
      definition: consumers['feed-posts'],
      handlers: recordAll,
      transaction: transactionOf(feed),
      log: stage.log,
      ...more
    }),
    (started) => started.stop()
  )
  consumer.start()
  return consumer
}

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
    await operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 700 * 1e6 })
    const [poison, ...others] = await Promise
      .all(Array.from({ length: 6 }, () => appendVersion(stage.sql, uuidv7(), 1)))
    for (const event of [others[0]!, poison!, ...others.slice(1)]) await publish(event)
    // Three of the starts were in an earlier life: processes are dear.
    await feed.query("INSERT INTO event_starts (consumer, event_id, starts) VALUES ('feed-posts', $1, 3)", [poison!.id])
    let deaths = 0
    const supervise = async () => {
      for (let running = true; running;) {
        const child = spawn(
          process.execPath,
          [fileURLToPath(new URL('support/consumer-process.ts', import.meta.url))],
          {
            env: { ...process.env, DATABASE_URL: feedUrl, NATS_URL: stage.nats.urlOf('feed'), POISON: poison!.subject },
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
    const [letter] = await eventually(() => listDeadLetters(operator), (letters) => letters.length > 0, 100_000)
    expect(letter).toMatchObject({ consumer: 'feed-posts', cause: '5 starts ended without a result' })
    expect(letter!.event!.id).toBe(poison!.id)
    await eventually(unacknowledged, (count) => count === 0)
    for (const { subject } of others) expect(await effectsOf(subject)).toEqual([1])
    expect(await effectsOf(poison!.subject)).toEqual([])
    expect(await listDeadLetters(operator)).toHaveLength(1)
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
  await deliverInVain((await publish(patient)).seq, 20)
  const sequence = (await publish(tired)).seq
  await deliverInVain(sequence, 23)
  consume()
  const [letter] = await eventually(() => listDeadLetters(operator), (letters) => letters.length > 0)
  expect(letter).toMatchObject({
    sequence,
    deliveries: 24,
    cause: `version 2 of ${tired.subject} came and the one before it never did`
  })
  await eventually(() => stage.lines.filter((line) => line.msg === 'event dead-lettered').length === 1)
  expect(await unacknowledged()).toBe(1)
  expect(await inboxNames()).toEqual([])
})

test('what a replica had when it was killed is handled within seconds by whoever comes after it', async () => {
  const post = uuidv7()
  await publish(await appendVersion(stage.sql, post, 1))
  const dying = await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')
  expect((await dying.next({ expires: 5_000 }))!.seq).toBe(1)
  consume()
  await publish(await appendVersion(stage.sql, post, 2))
  await eventually(() => effectsOf(post), (versions) => versions.length === 2, 10_000)
  expect(await effectsOf(post)).toEqual([1, 2])
})

test('an event whose redelivery was begun and did not end runs with no other such beside it', async () => {
  for (let count = 0; count < 3; count++) {
    const event = await appendVersion(stage.sql, uuidv7(), 1)
    await deliverInVain((await publish(event)).seq, 2)
    await feed.query("INSERT INTO event_starts (consumer, event_id, starts) VALUES ('feed-posts', $1, 1)", [event.id])
  }
  let active = 0
  let most = 0
  let done = 0
  consume({
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

test('a dead letter that cannot be stored is not lost: its event comes again until it can', async () => {
  await operator.jsm.streams.delete('DEAD_LETTERS')
  await operator.js.publish('events.posts.post-created.v1', 'no json')
  consume()
  await eventually(() =>
    stage.lines.some((line) => line.msg === 'a dead letter could not be stored; its event comes again')
  )
  await provision({ servers: stage.nats.urlOf('provisioner') })
  expect(await eventually(() => listDeadLetters(operator), (letters) => letters.length > 0)).toMatchObject([{
    sequence: 1,
    cause: 'not JSON in UTF-8'
  }])
})

test('a dead letter is stored once, although its end was not heard', async () => {
  await publish(await appendVersion(stage.sql, uuidv7(), 1))
  const message = await (await jetstream(await connectAs(stage, 'feed')).consumers.get('EVENTS', 'feed-posts')).next({
    expires: 5_000
  })
  const broker = stage.broker('feed')
  await broker.connected()
  const numbers = [
    await storeDeadLetter(broker, 'feed-posts', message!, 'why'),
    await storeDeadLetter(broker, 'feed-posts', message!, 'why')
  ]
  expect(numbers).toEqual([1, 1])
  expect(await listDeadLetters(operator)).toHaveLength(1)
})

test('who stops finishes what it had begun, and gives back at once what it had not', async () => {
  await operator.jsm.consumers.update('EVENTS', 'feed-posts', { ack_wait: 60_000 * 1e6 })
  const events = await Promise.all(Array.from({ length: 4 }, () => appendVersion(stage.sql, uuidv7(), 1)))
  for (const event of events) await publish(event)
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let finished = false
  const first = consume({
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
  consume()
  // Not three: the server may keep one for the pull request of who left, until the acknowledgement wait.
  await eventually(
    async () => (await Promise.all(events.map(({ subject }) => effectsOf(subject)))).flat(),
    (versions) => versions.length >= 2
  )
})
