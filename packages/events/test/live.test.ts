import { setTimeout as sleep } from 'node:timers/promises'
import type { EventDefinition } from '@gatepost/contracts/event'
import { postCreated, postDeleted } from '@gatepost/contracts/posts/events'
import { uuidv7 } from '@gatepost/service-kit/uuid'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLiveTail, type LiveItem, type LiveTail, type LiveTailOptions } from '../src/live.ts'
import { provision } from '../src/provision.ts'
import { eventually, setStage, type Stage } from './support/stage.ts'

const SIZE = 1_000
let stage: Stage
let made: number
beforeEach(async () => {
  stage = await setStage()
  made = 0
})
afterEach(() => stage.close())

/**
 * Small memory, small batches, few slots: what a large gateway meets with many events, this one meets with some
 * hundred.
 */
function liveTail (options: Partial<LiveTailOptions<LiveItem>> = {}) {
  return stage.defer(createLiveTail<LiveItem>({
    broker: stage.broker('gateway'),
    log: stage.log,
    recentBytes: 8 * SIZE,
    batchBytes: 4 * SIZE,
    batches: 4,
    consumers: 2,
    itemOf: ({ sequence, event }) => {
      made++
      return { sequence, bytes: SIZE, subject: event.subject }
    },
    ...options
  }), (tail) => tail.stop())
}

async function publish (
  count: number,
  { definition = postCreated as EventDefinition, subject = uuidv7(), padding = SIZE } = {}
) {
  const js = (await jetstreamManager(await stage.admin(), { checkAPI: false })).jetstream()
  const event = JSON.stringify({
    specversion: '1.0',
    id: '',
    source: definition.source,
    type: definition.type,
    subject,
    time: new Date(),
    datacontenttype: 'application/json',
    dataschema: '/asyncapi.json',
    aggregateversion: 1,
    data: { text: 'x'.repeat(padding) }
  })
  await Promise
    .all(Array.from({ length: count }, () => js.publish(definition.subject, event.replace('""', `"${uuidv7()}"`))))
}

/** Collects sequences; `perBatch` may take its time over a batch. */
function read (
  live: LiveTail<LiveItem>,
  after: number | undefined,
  perBatch: (seen: number[]) => unknown = () => undefined
) {
  const seen: number[] = []
  const leave = new AbortController()
  const done = (async () => {
    for await (const items of live.follow(after, leave.signal)) {
      seen.push(...items.map(({ sequence }) => sequence))
      await perBatch(seen)
    }
  })()
  return stage.defer({ seen, leave: () => leave.abort(), done }, () => leave.abort())
}

const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at)
const caughtUp = (live: LiveTail<LiveItem>, sequence: number) =>
  eventually(() => live.status().lastSequence === sequence)

test('a reader sees each event once and in order, from memory, from the stream, and from now', async () => {
  await publish(30)
  const live = liveTail()
  await caughtUp(live, 30)
  await publish(10)
  await caughtUp(live, 40)
  const [fromStream, fromMemory, fromNow] = [read(live, 3), read(live, 36), read(live, undefined)]
  await publish(20)
  await eventually(() => [fromStream, fromMemory, fromNow].every(({ seen }) => seen.at(-1) === 60))
  expect([fromStream.seen, fromMemory.seen, fromNow.seen]).toEqual([upTo(4, 60), upTo(37, 60), upTo(41, 60)])
})

test('a slow reader misses nothing while events come faster than it reads, and is live in the end', async () => {
  await publish(50)
  const live = liveTail()
  await caughtUp(live, 50)
  const [slow, quick] = [read(live, 0, () => sleep(5)), read(live, undefined)]
  for (let round = 0; round < 5; round++) await publish(40)
  await eventually(() => slow.seen.at(-1) === 250)
  expect(slow.seen).toEqual(upTo(1, 250))
  expect(quick.seen).toEqual(upTo(51, 250))
  await publish(1)
  await eventually(() => slow.seen.at(-1) === 251)
})

test('of a reader that takes no more, one batch is in memory', async () => {
  await publish(200)
  const live = liveTail()
  await caughtUp(live, 200)
  const stuck = read(live, 0, () => new Promise(() => {}))
  await eventually(() => stuck.seen.length > 0)
  await publish(1)
  await caughtUp(live, 201)
  expect(made).toBeLessThan(8)
})

test('a reader that has left is read for no more', async () => {
  await publish(200)
  const live = liveTail()
  await caughtUp(live, 200)
  const reader = read(live, 0, () => reader.leave())
  await reader.done
  const before = made
  await publish(1)
  await caughtUp(live, 201)
  expect(made - before).toBe(1)
})

test('many late readers have a bounded number of consumers, and nobody waits for one that is stuck', async () => {
  await publish(40)
  const live = liveTail({ batches: 6 })
  await caughtUp(live, 40)
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  const durables = (await jsm.streams.info('EVENTS')).state.consumer_count
  for (let i = 0; i < 3; i++) read(live, 0, () => new Promise(() => {}))
  const readers = Array.from({ length: 15 }, (_, i) => read(live, i))
  let most = 0
  await eventually(async () => {
    most = Math.max(most, (await jsm.streams.info('EVENTS')).state.consumer_count - durables)
    return readers.every(({ seen }) => seen.at(-1) === 40)
  })
  expect(readers.map(({ seen }) => seen.length)).toEqual(readers.map((_, i) => 40 - i))
  expect(most).toBeLessThanOrEqual(2)
})

test('a replay goes on where it was when NATS was restarted in its midst', async () => {
  await publish(300)
  const live = liveTail()
  await caughtUp(live, 300)
  const reader = read(live, 0, () => sleep(2))
  for (const after of [40, 120]) {
    await eventually(() => reader.seen.length > after)
    await stage.nats.halt()
    await stage.nats.start()
  }
  await publish(5)
  await eventually(() => reader.seen.at(-1) === 305, Boolean, 20_000)
  expect(reader.seen).toEqual(upTo(1, 305))
})

test('events larger than a batch, and sequences whose events were erased, hold nobody up', async () => {
  await publish(2, { padding: 20 * SIZE })
  await publish(40)
  await publish(130, { padding: 10 })
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  for (const sequence of [...upTo(5, 20), 172]) await jsm.streams.deleteMessage('EVENTS', sequence)
  const live = liveTail()
  await caughtUp(live, 172)
  const reader = read(live, 0)
  await publish(1)
  await eventually(() => reader.seen.at(-1) === 173, Boolean, 4_000)
  expect(reader.seen).toEqual([...upTo(1, 4), ...upTo(21, 171), 173])
})

test('erased events are handed out of memory no more', async () => {
  await publish(1)
  const live = liveTail()
  await caughtUp(live, 1)
  const [gone, kept] = [uuidv7(), uuidv7()]
  await publish(2, { subject: gone })
  await publish(1, { subject: kept })
  await publish(1, { subject: gone, definition: postDeleted })
  await caughtUp(live, 5)
  const late = read(live, 1)
  await eventually(() => late.seen.at(-1) === 5)
  expect(late.seen).toEqual([4, 5])
})

test('a stream that was lost and made again is read from its beginning, also by readers who come back', async () => {
  await publish(20)
  const live = liveTail()
  await caughtUp(live, 20)
  const reader = read(live, undefined)
  await publish(1)
  await eventually(() => reader.seen.at(-1) === 21)
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  await jsm.streams.delete('EVENTS')
  await provision({ servers: stage.nats.urlOf('provisioner') })
  await publish(3)
  await eventually(() => reader.seen.at(-1) === 3, Boolean, 20_000)
  const back = read(live, 21)
  await eventually(() => back.seen.length === 3)
  expect([reader.seen, back.seen]).toEqual([[21, 1, 2, 3], [1, 2, 3]])
})
