import { createRandom } from '@gatepost/testing/random'
import { afterEach, expect, test } from 'vitest'
import { createInstance, type Instance, stateOf } from '../src/upstreams/instance.ts'
import { recordAnswer, recordFailure, recordGood, recordRefusal } from '../src/upstreams/outliers.ts'
import { createPicker } from '../src/upstreams/picker.ts'

let open: Instance[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((instance) => instance.close()))
})
const instances = (count: number) => {
  open = Array.from({ length: count }, (_, i) => createInstance('http://posts:3002', `127.0.0.${i + 1}`))
  return open
}
const SECOND = 1_000

/** In turn a good answer of all the others and a failure of this one, until it is ejected; how many it took. */
function failUntilEjected (instance: Instance, now: number, most = 1_000) {
  for (let failures = 1; failures <= most; failures++) {
    for (const other of open) if (other !== instance) recordGood(other, now + failures)
    if (recordFailure(instance, open, { now: now + failures, began: now + failures - 1 })) return failures
  }
  return undefined
}

test('each ejection is longer, and one failure after it is enough; after long service it begins anew', () => {
  const [bad] = instances(2) as [Instance, Instance]
  let now = 0
  const seconds: number[] = []
  const failures: Array<number | undefined> = []
  for (let i = 0; i < 7; i++) {
    failures.push(failUntilEjected(bad, now))
    seconds.push(Math.round((bad.ejectedUntil - now) / SECOND))
    now = bad.ejectedUntil
    expect(stateOf(bad, now)).toBe('up')
  }
  expect(seconds).toEqual([10, 20, 40, 80, 160, 300, 300])
  expect(failures).toEqual([5, 1, 1, 1, 1, 1, 1])
  for (let i = 0; i < 100; i++) recordGood(bad, now)
  now += 301 * SECOND
  expect(failUntilEjected(bad, now)).toBe(5)
  expect(Math.round((bad.ejectedUntil - now) / SECOND)).toBe(10)
})

test.for([[1, 0], [2, 1], [3, 1], [4, 2], [5, 2]] as const)(
  'of %i instances at most %i are ejected',
  ([count, most]) => {
    for (const instance of instances(count)) failUntilEjected(instance, 0, 50)
    expect(open.filter((instance) => stateOf(instance, 60) === 'ejected')).toHaveLength(most)
  }
)

test('half of those that can be reached', () => {
  const [down, bad, third] = instances(3) as [Instance, Instance, Instance]
  for (let i = 0; i < 5; i++) recordRefusal(down, 300)
  expect(stateOf(down, 300)).toBe('down')
  expect([failUntilEjected(bad, 400), failUntilEjected(third, 500, 50)]).toEqual([5, undefined])
})

test('an instance that fails now and then, but more than the others, is ejected; where all do, none is', () => {
  const [bad, other] = instances(2) as [Instance, Instance]
  const run = (isGood: (instance: Instance, call: number) => boolean) => {
    for (let call = 1; call <= 600; call++) {
      for (const instance of open) {
        if (isGood(instance, call)) recordGood(instance, call)
        else if (recordFailure(instance, open, { now: call, began: call - 1 })) return call
      }
    }
    return undefined
  }
  expect(run((_instance, call) => call % 3 > 0)).toBeUndefined()
  expect(run((instance, call) => instance === other || call % 3 > 0)).toBeLessThan(200)
  expect(stateOf(bad, 700)).toBe('ejected')
})

test('where half of all calls fail, hardly any instance is ejected: none is better', () => {
  instances(2)
  const random = createRandom(1)
  let ejected = 0
  for (let now = 1; now <= 20_000; now++) {
    const instance = random.pick(open.filter((one) => stateOf(one, now) === 'up'))
    if (random.below(2) === 0) recordGood(instance, now)
    else if (recordFailure(instance, open, { now, began: now - 5 })) ejected++
  }
  expect(ejected).toBeLessThan(10)
})

test('once the others fail too, those that were ejected come back', () => {
  const [bad, other] = instances(2) as [Instance, Instance]
  failUntilEjected(bad, 0)
  for (let i = 0; i < 5; i++) {
    expect(stateOf(bad, 20 + i)).toBe('ejected')
    recordFailure(other, open, { now: 20 + i, began: 19 + i })
  }
  expect([stateOf(bad, 30), stateOf(other, 30)]).toEqual(['up', 'up'])
})

test('calls that wait together and fail together count as well', () => {
  const [bad, other] = instances(2) as [Instance, Instance]
  for (let at = 0; at < 10 * SECOND; at += 100) recordGood(other, at)
  for (let i = 0; i < 5; i++) recordFailure(bad, open, { now: 10 * SECOND, began: 0 })
  expect(stateOf(bad, 10 * SECOND)).toBe('ejected')
})

test('refusals take an instance down only without an answer in between and some time after the last', () => {
  const [busy] = instances(1) as [Instance]
  for (let now = 0; now < 10_000; now += 10) {
    recordRefusal(busy, now)
    if (now % 40 === 0) recordAnswer(busy, now)
  }
  expect(busy.down).toBe(false)
  for (let i = 0; i < 20; i++) recordRefusal(busy, 10_000)
  expect(busy.down, 'all in one moment').toBe(false)
  recordRefusal(busy, 10_300)
  expect(busy.down).toBe(true)
  recordAnswer(busy, 11_000)
  expect([busy.down, busy.backSince]).toEqual([false, 11_000])
})

test('an instance that comes back gets a tenth of its part at first, and its whole part later', () => {
  const [back] = instances(2) as [Instance, Instance]
  const pick = createPicker()
  const part = (backFor: number) => {
    back.backSince = performance.now() - backFor
    back.credit = 0
    return Array.from({ length: 100 }, () => pick(open, [], performance.now())).filter((instance) => instance === back)
      .length
  }
  expect(part(0)).toBeLessThanOrEqual(10)
  expect(part(0)).toBeGreaterThan(2)
  expect(part(5 * SECOND)).toBeGreaterThan(15)
  expect(part(11 * SECOND)).toBe(50)
})
