import { createTokenTable } from '@gatepost/service-kit/identity/token-table'
import { createRevocationList } from '@gatepost/service-kit/revocation-list'
import type { Churn } from '@gatepost/testing/retained'
import { createCounterTable } from '../../src/limits/counter-table.ts'
import { memoryCounters } from '../../src/limits/memory-counters.ts'

/**
 * What is not full for long, nor stays empty: as many live ones as a system in service has, while others come and go.
 */
const LIVE = 500
let serial = 0
const next = () => `${++serial}-${'x'.repeat(60)}`

const tokens = createTokenTable<{ text: string }>(20_000)
const fullTokens = createTokenTable<{ text: string }>(1_000)
const table = createCounterTable()
let time = 0
const limits = memoryCounters({ now: () => time })
const fullLimits = memoryCounters({ now: () => time, maxKeys: 1_000 })
const limit = { name: 'default', by: 'address', max: 2, windowMs: LIVE } as const
const revocations = createRevocationList({ now: () => time })

/** `leave` follows `enter` when `LIVE` others have entered. */
function passThrough (enter: (key: string) => void, leave: (key: string) => void): Churn {
  const inside: string[] = []
  return (count: number) => {
    for (let i = 0; i < count; i++) {
      const key = next()
      inside.push(key)
      enter(key)
      if (inside.length > LIVE) leave(inside.shift()!)
    }
  }
}

const each = (work: (key: string) => unknown): Churn => async (count) => {
  for (let i = 0; i < count; i++) await work(next())
}

export const churns: Record<string, Churn> = {
  'tokens that are used once after their end': passThrough((key) => tokens.add(key, { text: key }), tokens.delete),
  'tokens that are used no more': each((key) => fullTokens.add(key, { text: key })),
  'counters, deleted': passThrough((key) => table.set(key, { count: 1, endsAt: 0 }), table.delete),
  'addresses that come back after their window': passThrough(
    (address) => limits.take({ address, user: '', key: '' }, [limit]),
    (address) => {
      time++
      limits.take({ address, user: '', key: '' }, [limit])
    }
  ),
  'addresses, used up': each((address) => {
    time++
    for (let i = 0; i < 3; i++) limits.take({ address, user: '', key: '' }, [limit])
  }),
  'addresses, more than there is room for': each((address) => fullLimits.take({ address, user: '', key: '' }, [limit])),
  'sessions that ended': each((id) => {
    time += 1_000
    revocations.revoke(id, time)
  })
}
