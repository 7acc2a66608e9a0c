import { afterEach, expect, test, vi } from 'vitest'
import { ID_PATTERN } from '@gatepost/contracts/schemas'
import { timeOfUuidv7, uuidv7 } from '../src/uuid.ts'

afterEach(() => { vi.useRealTimers() })

test('ids have the one form that the contract takes, tell their time, and strictly ascend', () => {
  const before = Date.now()
  const ids = Array.from({ length: 20_000 }, uuidv7)
  for (const id of ids) expect(id).toMatch(new RegExp(ID_PATTERN))
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
  expect(timeOfUuidv7(ids[0]!).getTime()).toBeGreaterThanOrEqual(before)
})

test('ids ascend also when the clock steps back', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const first = uuidv7()
  vi.setSystemTime(Date.now() - 60_000)
  const ids = [first, ...Array.from({ length: 10_000 }, uuidv7)]
  expect([...ids].sort()).toEqual(ids)
})
