import { expect, test } from 'vitest'
import { runChaos } from './run.ts'

const seed = Number(process.env.CHAOS_SEED ?? 189)

test(`whatever is killed, frozen or restarted, no promise is broken (seed ${seed})`, { timeout: 180_000 }, async () => {
  const report = await runChaos({ seed, rounds: 3 })
  expect(report.broken, report.faults.join('\n')).toEqual([])
  expect(report.answered).toBeGreaterThan(20)
})
