import { setTimeout as sleep } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, expect, test } from 'vitest'
import { sequenceAt } from '../src/time.ts'
import { setStage } from './support/stage.ts'

const stage = await setStage()
afterAll(() => stage.close())

test('a time is found in the stream by halving, also across erased messages', async () => {
  const jsm = await jetstreamManager(await stage.admin(), { checkAPI: false })
  expect(await sequenceAt(jsm, new Date())).toBe(1)
  const times: Date[] = []
  for (let count = 0; count < 12; count++) {
    times.push(new Date())
    await jsm.jetstream().publish('events.posts.post-created.v1', 'x')
    await sleep(3)
  }
  for (const [at, time] of times.entries()) expect(await sequenceAt(jsm, time)).toBe(at + 1)
  for (const erased of [1, 4, 5, 6, 7, 12]) await jsm.streams.deleteMessage('EVENTS', erased)
  expect(await sequenceAt(jsm, times[0]!)).toBe(2)
  expect([4, 8]).toContain(await sequenceAt(jsm, times[3]!))
  expect(await sequenceAt(jsm, times[8]!)).toBe(9)
  expect(await sequenceAt(jsm, new Date(Date.now() + 60_000))).toBeGreaterThan(11)
})
