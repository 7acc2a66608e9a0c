import { randomUUID } from 'node:crypto'
import type { Churn } from '@gatepost/testing/retained'
import { createBell } from '../../src/live/bell.ts'
import { createRecent } from '../../src/live/recent.ts'
import { createLanes } from '../../src/order/lanes.ts'

const recent = createRecent<{ sequence: number, bytes: number, subject: string }>(1e6, 1e5)
const lanes = createLanes<string>((key) => key)
const bell = createBell()
let sequence = 0
recent.begin(sequence)

const each = (work: (id: string) => unknown): Churn => async (count) => {
  for (let i = 0; i < count; i++) await work(randomUUID())
}

export const churns: Record<string, Churn> = {
  'events, kept for readers': each((subject) =>
    recent.add(++sequence, { sequence, bytes: 1_000, subject }, sequence % 2 === 0)
  ),
  'readers of events that wait and leave': each(async () => {
    const leaving = new AbortController()
    const waiting = bell.wait(leaving.signal)
    leaving.abort()
    await waiting
  }),
  'aggregates with one event': each((id) => {
    lanes.add(id)
    lanes.finish(lanes.take()!)
  })
}
