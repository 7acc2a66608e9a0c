import { expect, test, vi } from 'vitest'
import type { Decision, Limit } from '../src/limits/limit.ts'
import { memoryCounters } from '../src/limits/memory-counters.ts'
import { policyField, rateLimitField, retryAfterSeconds } from '../src/limits/rate-limit-fields.ts'

const everything: Limit = { name: 'default', by: 'address', max: 3, windowMs: 1000 }
const sensitive: Limit = { name: 'sensitive', by: 'address', max: 5, windowMs: 900_000 }
let time = 0
const counters = (maxKeys?: number) => memoryCounters({ now: () => time, ...maxKeys && { maxKeys } })
const from = (address: string, user = '') => ({ address, user, key: '' })
const refused = (decision: unknown) => (decision as Decision).refused

test('exactly the limit passes in a window, and again in the next', () => {
  const { take } = counters()
  const all = () => Array.from({ length: 5 }, () => refused(take(from('a'), [everything])))
  expect(all()).toEqual([false, false, false, true, true])
  time += 1000
  expect(all()).toEqual([false, false, false, true, true])
})

test('one client does not use up another’s limit', () => {
  const { take } = counters()
  for (let i = 0; i < 4; i++) take(from('a'), [everything])
  expect(refused(take(from('b'), [everything]))).toBe(false)
})

test('of several limits all are charged or none: who runs into the small one keeps the large one', () => {
  const { take } = counters()
  const both = () => take(from('c'), [everything, sensitive]) as Decision
  for (let i = 0; i < 3; i++) both()
  expect(both()).toMatchObject({ refused: true, verdicts: [{ remaining: 0 }, { remaining: 2 }] })
  time += 1000
  expect([both(), both(), both()].map(refused)).toEqual([false, false, true])
})

test('one user has one limit, whatever address the requests come from', () => {
  const user: Limit = { name: 'user', by: 'user', max: 4, windowMs: 60_000 }
  const { take } = counters()
  const answers = ['f', 'g', 'f', 'g', 'f', 'h'].map((address) =>
    refused(take(from(address, 'ada'), [everything, user]))
  )
  expect(answers).toEqual([false, false, false, false, true, true])
  expect(refused(take(from('f', 'ben'), [everything, user]))).toBe(false)
})

test('memory is bounded, and new clients cannot push out the counter of an exhausted one', () => {
  const limited = counters(100)
  for (let i = 0; i < 4; i++) limited.take(from('attacker'), [everything])
  for (let i = 0; i < 10_000; i++) limited.take(from(`other-${i}`), [everything])
  expect(limited.size).toBeLessThanOrEqual(100)
  expect(refused(limited.take(from('attacker'), [everything]))).toBe(true)
})

test('the fields are structured lists with an item for each limit', () => {
  const { take } = counters()
  const decision = take(from('d'), [everything, sensitive]) as Decision
  expect(policyField([everything, sensitive])).toBe('"default";q=3;w=1, "sensitive";q=5;w=900')
  expect(rateLimitField(decision.verdicts)).toBe('"default";r=2;t=1, "sensitive";r=4;t=900')
})

test('Retry-After is when the last exhausted limit has room', () => {
  const { take } = counters()
  for (let i = 0; i < 5; i++) { take(from('e'), [everything, sensitive]); time += 500 }
  expect(retryAfterSeconds(take(from('e'), [everything, sensitive]) as Decision)).toBe(898)
})

test.each([-3_600_000, 3_600_000])('a step of the machine’s clock by %i ms changes no window', (step) => {
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    const { take } = memoryCounters()
    const limit = { ...sensitive, max: 1 }
    expect(refused(take(from('a'), [limit]))).toBe(false)
    vi.setSystemTime(Date.now() + step)
    const decision = take(from('a'), [limit]) as Decision
    expect([decision.refused, Math.round(decision.verdicts[0]!.resetMs / 10_000)]).toEqual([true, 90])
  } finally {
    vi.useRealTimers()
  }
})

test('a window that has just begun is exactly as long as it says, whatever the clock reads', () => {
  const { take } = memoryCounters({ now: () => time })
  const lengths = Array.from({ length: 2_000 }, (_, n) => {
    time += 1_234.567_8
    return (take(from(`address ${n}`), [everything]) as Decision).verdicts[0]!.resetMs
  })
  expect(lengths.filter((length) => length !== everything.windowMs)).toEqual([])
})
