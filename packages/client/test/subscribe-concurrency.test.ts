import { randomUUIDv7 as uuid } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CloudEvent } from '@gatepost/contracts/event'
import { eventually } from '@gatepost/testing/eventually'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { extentOf } from './support/extent.ts'
import { kills } from './support/kills.ts'
import { created, startSubscriberStage, type SubscriberStage } from './support/subscriber-stage.ts'

const KILLS = extentOf(4, 200)

test('whatever is killed, the events of an aggregate are dealt with in order, and none is left out', async () => {
  const { reorders, missing, again, events } = await kills({ kills: KILLS, seed: 7 })
  process.stdout.write(`${KILLS} kills, ${events} events, ${again} begun again, ${reorders.length} reorders\n`)
  expect({ reorders, missing }).toEqual({ reorders: [], missing: 0 })
  expect(again, 'the kills came in the middle of the work').toBeGreaterThan(0)
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
})
