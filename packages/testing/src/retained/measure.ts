import { setTimeout as sleep } from 'node:timers/promises'
import type { Churn } from '../retained.ts'

const [module = '', count = ''] = process.argv.slice(2)
const SETTLE_MS = 20
const WARM_UP = 2
const ROUNDS = 3

/** Bytes that are reachable once closed handles are gone. */
async function reachable () {
  await sleep(SETTLE_MS)
  globalThis.gc!()
  await sleep(SETTLE_MS)
  globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const { churns, close } = await import(module) as { churns: Record<string, Churn>, close?: () => Promise<void> }
const retained: Record<string, number> = {}
for (const [name, churn] of Object.entries(churns)) {
  for (let round = 0; round < WARM_UP; round++) await churn(Number(count)) // fills what is bounded, and compiles
  let least = Infinity
  for (let round = 0, before = await reachable(); round < ROUNDS; round++) {
    await churn(Number(count))
    const after = await reachable()
    least = Math.min(least, after - before)
    before = after
  }
  retained[name] = Math.round(least / Number(count))
}
await close?.()
process.send!(retained, () => process.exit())
