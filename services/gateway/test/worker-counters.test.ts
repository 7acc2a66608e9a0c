import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openSharedMemory } from '@gatepost/service-kit/run/shared-memory'
import { argumentOf } from '@gatepost/service-kit/run/worker'
import { createRandom } from '@gatepost/testing/random'
import { expect, test } from 'vitest'
import type { Limit } from '../src/limits/limit.ts'
import { memoryCounters } from '../src/limits/memory-counters.ts'
import { emptyCounters, workerCounters } from '../src/limits/worker-counters.ts'

const everything: Limit = { name: 'default', by: 'address', max: 5, windowMs: 1_000 }
const sensitive: Limit = { name: 'sensitive', by: 'address', max: 3, windowMs: 4_000 }
const user: Limit = { name: 'user', by: 'user', max: 8, windowMs: 2_500 }
const limits = [everything, sensitive, user]
const from = (address: string, user = '') => ({ address, user })

let time = 1_000_000
const now = () => time
const sharedBy = (workers: number) => emptyCounters({ workers, limits }).buffer as ArrayBuffer
const workerOf = (memory: ArrayBuffer, workers: number, index: number) => workerCounters({ memory, index, workers, limits, now })

test('several workers decide, request by request, as one process would', () => {
  const { below, pick } = createRandom(7)
  const memory = sharedBy(3)
  const workers = [0, 1, 2].map((index) => workerOf(memory, 3, index))
  const one = memoryCounters({ now })
  let refused = 0
  for (let i = 0; i < 50_000; i++) {
    time += below(4) === 0 ? below(300) : 0
    const counted = from(`192.0.2.${below(4)}`, `user-${below(3)}`)
    const asked = pick([[everything], [everything, user], [everything, sensitive, user], [user]])
    const expected = one.takeNow(counted, asked)
    expect(pick(workers).takeNow(counted, asked), `request ${i}`).toEqual(expected)
    refused += Number(expected.refused)
  }
  expect(refused).toBeGreaterThan(5_000)
  expect(refused).toBeLessThan(45_000)
})

test('processes that charge at the same time let exactly the limit through, and count all of it', async () => {
  const WORKERS = 2
  const KEYS = 20_000
  const TRIES = 7
  const MAX = 8
  const counters = emptyCounters({ workers: WORKERS, limits: [everything, user] })
  const memory = openSharedMemory(Buffer.concat([counters, Buffer.alloc(8)]))
  const script = fileURLToPath(new URL('support/racing-worker.ts', import.meta.url))
  const racers = Array.from({ length: WORKERS }, (_, index) => fork(script, [argumentOf(index), ...[WORKERS, KEYS, TRIES].map(String)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc', memory] }))
  closeSync(memory)
  await Promise.all(racers.map((racer) => once(racer, 'message')))
  const results = racers.map(async (racer) => (await once(racer, 'message'))[0] as { admitted: number[], ofUser: number })
  for (const racer of racers) racer.send('go')
  const all = await Promise.all(results)
  const admitted = Array.from({ length: KEYS }, (_, key) => all.reduce((sum, { admitted }) => sum + admitted[key]!, 0))
  expect(admitted.filter((count) => count !== MAX)).toEqual([]) // of 20,000, only what is wrong is worth showing
  expect(Math.max(...all.map(({ ofUser }) => ofUser))).toBe(KEYS * MAX + WORKERS)
})

test('who takes the place of a worker goes on with what that one had counted', () => {
  const memory = sharedBy(2)
  for (let i = 0; i < 3; i++) workerOf(memory, 2, i % 2).takeNow(from('192.0.2.1'), [everything])
  expect(workerOf(memory, 2, 0).takeNow(from('192.0.2.1'), [everything]).verdicts[0]).toMatchObject({ remaining: 1 })
})

test('a worker joins the window that another began, and they end it together', () => {
  const memory = sharedBy(2)
  const [first, second] = [workerOf(memory, 2, 0), workerOf(memory, 2, 1)]
  first.takeNow(from('192.0.2.1'), [everything])
  time += 400
  expect(second.takeNow(from('192.0.2.1'), [everything]).verdicts[0]).toMatchObject({ remaining: 3, resetMs: 600 })
  time += 600
  expect(second.takeNow(from('192.0.2.1'), [everything]).verdicts[0]).toMatchObject({ remaining: 4, resetMs: 1_000 })
  expect(first.takeNow(from('192.0.2.1'), [everything]).verdicts[0]).toMatchObject({ remaining: 3, resetMs: 1_000 })
})

test('a flood of new addresses pushes out neither one that is over its limit nor what a user has used', () => {
  const memory = sharedBy(2)
  const [first, second] = [workerOf(memory, 2, 0), workerOf(memory, 2, 1)]
  for (let i = 0; i < everything.max; i++) first.takeNow(from('192.0.2.1', 'ada'), [everything, user])
  for (let i = 0; i < 300_000; i++) first.takeNow(from(`198.51.100.${i}`), [everything])
  expect(first.takeNow(from('192.0.2.1'), [everything]).refused).toBe(true)
  expect(second.takeNow(from('192.0.2.1'), [everything]).refused).toBe(true)
  expect(second.takeNow(from('192.0.2.2', 'ada'), [user]).verdicts[0]).toMatchObject({ remaining: user.max - everything.max - 1 })
})
