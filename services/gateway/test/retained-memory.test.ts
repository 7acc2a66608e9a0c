import { retainedBytes } from '@gatepost/testing/retained'
import { expect, test } from 'vitest'

/** Less than the smallest thing that could be kept of each turn; what a collection cannot tell from noise is more than 0. */
const leaks = (retained: Record<string, number>, bytes: number) => Object.entries(retained).filter(([, kept]) => kept > bytes)

test('no table keeps anything of what has come and gone', { timeout: 60_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/table-churns.ts', import.meta.url), 20_000)
  expect(Object.keys(retained).length).toBeGreaterThan(9)
  expect(leaks(retained, 16)).toEqual([])
})

test('no call, connection or stream keeps anything when it is over', { timeout: 120_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/gateway-churns.ts', import.meta.url), 100)
  expect(leaks(retained, 500)).toEqual([])
})
