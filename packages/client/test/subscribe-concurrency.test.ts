import { randomUUIDv7 as uuid } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '@gatepost/contracts/event'
import { eventually } from '@gatepost/testing/eventually'
import { startTcpProxy } from '@gatepost/testing/tcp-proxy'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { extentOf } from './support/extent.ts'
import { kills } from './support/kills.ts'
import { startSlowLine } from './support/slow-line.ts'
import { created, startSubscriberStage, type SubscriberStage } from './support/subscriber-stage.ts'

const KILLS = extentOf(3, 200)
const EVENTS = extentOf(1_000, 20_000)
const LEAST_A_SECOND = extentOf(300, 2_000)

test('whatever is killed, the events of an aggregate are dealt with in order, and none is left out', async () => {
  const { reorders, missing, unfinished, again, events } = await kills({ kills: KILLS, seed: 7 })
  process.stdout.write(
    `${KILLS} kills, ${events} events, ${unfinished} cut, ${again} done again, ${reorders.length} reorders\n`
  )
  expect({ reorders, missing }).toEqual({ reorders: [], missing: 0 })
  expect(unfinished, 'the kills came in the middle of the work').toBeGreaterThan(0)
}, 30_000 + KILLS * 10_000)

describe('with a concurrency', () => {
  let stage: SubscriberStage
  beforeEach(async () => { stage = await startSubscriberStage() })
  afterEach(() => stage.stop())

  const versions = (subject: string, count: number) =>
    Array.from({ length: count }, (_, at) => ({ ...created(), subject, aggregateversion: at + 1 }))

  test('events of different aggregates are dealt with side by side, at most as many as are asked for', async () => {
    let busy = 0
    let most = 0
    let done = 0
    await stage.follow({
      concurrency: 4,
      async onEvent () {
        most = Math.max(most, ++busy)
        await sleep(20)
        busy--
        done++
      }
    })
    await stage.publish(...Array.from({ length: 24 }, () => created()))
    await eventually(() => expect(done).toBe(24))
    expect(most).toBe(4)
  })

  // One at a time, a line of 20 ms lets 50 events a second through.
  test(`over a line of 20 ms, at least ${LEAST_A_SECOND} events a second`, async () => {
    const line = await startSlowLine(Number(new URL(stage.nats.url).port), 10)
    const events = Array.from({ length: EVENTS }, () => created())
    for (let at = 0; at < EVENTS; at += 100) {
      await Promise.all(events.slice(at, at + 100).map((event) => stage.publish(event)))
    }
    let done = 0
    let began = 0
    const all = Promise.withResolvers<void>()
    await stage.follow({
      servers: `nats://127.0.0.1:${line.port}`,
      concurrency: 64,
      onEvent () {
        began ||= performance.now()
        if (++done === EVENTS) all.resolve()
      }
    })
    await all.promise
    const rate = EVENTS / (performance.now() - began) * 1_000
    process.stdout.write(`${Math.round(rate)} events a second over a line of 20 ms\n`)
    await Promise.all(stage.open.splice(0).map((subscription) => subscription.stop()))
    await line.stop()
    expect(rate).toBeGreaterThan(LEAST_A_SECOND)
  }, 60_000)

  test('an event that fails holds up its aggregate alone, and stays unacknowledged until it is done', async () => {
    const [slow, quick] = [versions(uuid(), 3), versions(uuid(), 3)]
    const seen: string[] = []
    let failures = 0
    await stage.makeDurable()
    await stage.follow({
      durable: 'my-program',
      concurrency: 4,
      onError: () => {},
      onEvent ({ subject, aggregateversion }: CloudEvent) {
        if (subject === slow[0]!.subject && failures < 2) {
          failures++
          throw new Error('not yet')
        }
        seen.push(`${subject} ${aggregateversion}`)
      }
    })
    await stage.publish(slow[0]!, ...quick, slow[1]!, slow[2]!)
    await eventually(() => expect(seen).toHaveLength(3))
    expect((await stage.durable()).ack_floor.stream_seq).toBe(0)
    await eventually(() => expect(seen).toHaveLength(6))
    expect(seen).toEqual([1, 2, 3].flatMap((version) => `${quick[0]!.subject} ${version}`).concat(
      [1, 2, 3].map((version) => `${slow[0]!.subject} ${version}`)
    ))
  })

  test('an aggregate’s next event waits until the server has confirmed the acknowledgement before it', async () => {
    const proxy = await startTcpProxy(Number(new URL(stage.nats.url).port))
    const [one, two] = versions(uuid(), 2)
    const seen: number[] = []
    let spoken = Infinity
    await stage.publish(one!, two!)
    await stage.follow({
      servers: `nats://127.0.0.1:${proxy.port}`,
      concurrency: 4,
      onEvent ({ aggregateversion }: CloudEvent) {
        seen.push(aggregateversion)
        if (seen.length > 1) return
        proxy.swallow()
        spoken = proxy.messages()
      }
    })
    await eventually(() => expect(proxy.messages()).toBeGreaterThan(spoken)) // an acknowledgement that is lost
    expect(seen).toEqual([1])
    proxy.cut()
    await eventually(() => expect(seen).toEqual([1, 2]))
    await Promise.all(stage.open.splice(0).map((subscription) => subscription.stop()))
    await proxy.stop()
  })

  test('of programs that share a durable name one is given events, and another takes over in order', async () => {
    const aggregate = versions(uuid(), 40)
    const seen: string[] = []
    const options = (name: string) => ({
      durable: 'my-program',
      concurrency: 4,
      async onEvent ({ aggregateversion }: CloudEvent) {
        await sleep(2)
        seen.push(`${name} ${aggregateversion}`)
      }
    })
    const first = await stage.follow(options('first'))
    await stage.publish(...aggregate.slice(0, 1))
    await eventually(() => expect(seen).toEqual(['first 1']))
    await stage.follow(options('second'))
    const publishing = stage.publish(...aggregate.slice(1))
    await eventually(() => expect(seen.length).toBeGreaterThan(10))
    await first.stop()
    await publishing
    await eventually(() => expect(seen).toHaveLength(40))
    expect(seen.map((line) => Number(line.split(' ')[1]))).toEqual(aggregate.map((_, at) => at + 1))
    expect(seen.at(-1)).toBe('second 40')
  })
})
