import { retainedBytes } from '@gatepost/testing/retained'
import { expect, test } from 'vitest'

test('no table keeps anything of events and readers that are gone', { timeout: 60_000 }, async () => {
  const retained = await retainedBytes(new URL('./support/table-churns.ts', import.meta.url), 20_000)
  expect(Object.keys(retained).length).toBe(3)
  // Less than the smallest thing that could be kept of each turn.
  expect(Object.entries(retained).filter(([, bytes]) => bytes > 16)).toEqual([])
})
