import { expect, test } from 'vitest'
import { createRevocationList } from '../src/revocation-list.ts'

test('a revoked session stays revoked until its tokens have died, then its entry goes', () => {
  let time = 0
  const list = createRevocationList({ now: () => time })
  list.revoke('a', 600_000)
  time = 599_000
  expect(list.isRevoked('a', 600_000)).toBe(true)
  expect(list.isRevoked('b', 600_000)).toBe(false)
  time = 700_000
  list.revoke('b', 1_300_000)
  expect(list.size).toBe(1)
})

test('when it is full it refuses too much rather than too little, and stays bounded', () => {
  const list = createRevocationList({ max: 100, now: () => 0 })
  for (let i = 0; i < 1000; i++) list.revoke(`s${i}`, 1000 + i)
  expect(list.size).toBeLessThanOrEqual(100)
  for (let i = 0; i < 1000; i++) expect(list.isRevoked(`s${i}`, 1000 + i)).toBe(true)
  expect(list.isRevoked('innocent', 5000)).toBe(false)
})

test('a clock that goes back keeps no entry for longer', () => {
  let time = 10_000_000
  const list = createRevocationList({ now: () => time })
  list.revoke('before', time + 1_000)
  time = 5_000_000
  list.revoke('dead', time - 60_000)
  time += 120_000
  list.revoke('after', time + 600_000)
  expect([list.isRevoked('dead', 1), list.isRevoked('after', time + 600_000)]).toEqual([false, true])
})
