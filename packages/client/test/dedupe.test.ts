import { retainedBytes } from '@gatepost/testing/retained'
import { expect, test } from 'vitest'
import { createDedupe } from '../src/dedupe.ts'

const times = async (dedupe: ReturnType<typeof createDedupe>, ids: number[]) => {
  let done = 0
  for (const id of ids) if (await dedupe.once({ id: String(id) }, () => undefined)) done++
  return done
}
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at)

test('the last events are remembered, as many as were asked for, and not twice as many more', async () => {
  const dedupe = createDedupe({ max: 10 })
  expect(await times(dedupe, upTo(95))).toBe(95)
  expect(await times(dedupe, upTo(95).slice(-10))).toBe(0)
  expect(dedupe.size).toBeLessThanOrEqual(20)
})

test('nothing is kept of events that are remembered no more', { timeout: 30_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/dedupe-churns.ts', import.meta.url), 20_000)
  expect(retained['events, dealt with once']).toBeLessThan(16)
})
