import type { Churn } from '@gatepost/testing/retained'
import { createDedupe } from '../../src/dedupe.ts'

const dedupe = createDedupe({ max: 1_000 })
let serial = 0

export const churns: Record<string, Churn> = {
  'events, dealt with once': async (count) => {
    for (let i = 0; i < count; i++) await dedupe.once({ id: `${++serial}` }, () => undefined)
  }
}
