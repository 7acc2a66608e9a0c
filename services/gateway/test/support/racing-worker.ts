// One of several processes that charge the same limits as fast as they can, key by key; in the last word of their memory
// they wait for each other: node racing-worker.ts --worker=<index> <workers> <keys> <tries>
import { thisWorker } from '@gatepost/service-kit/run/worker'
import type { Limit } from '../../src/limits/limit.ts'
import { workerCounters } from '../../src/limits/worker-counters.ts'

const LONG_MS = 3_600_000
const everything: Limit = { name: 'default', by: 'address', max: 8, windowMs: LONG_MS }
const user: Limit = { name: 'user', by: 'user', max: 1_000_000, windowMs: LONG_MS }

/** One that has no core meanwhile is not waited for longer. */
const PATIENCE = 10_000

const [workers, keys, tries] = process.argv.slice(3).map(Number) as [number, number, number]
const { index, mapMemory } = thisWorker()!
const memory = await mapMemory()
const arrived = new Int32Array(memory, memory.byteLength - 8)
const counters = workerCounters({ memory, index, workers, limits: [everything, user] })
process.send!('ready')
process.once('message', () => {
  const admitted = Array.from({ length: keys }, (_, key) => {
    let count = 0
    Atomics.add(arrived, 0, 1)
    for (let looks = 0; looks < PATIENCE && Atomics.load(arrived, 0) < (key + 1) * workers;) looks++ // all begin with a key in the same microsecond
    for (let i = 0; i < tries; i++) if (!counters.takeNow({ address: `192.0.2.${key}`, user: 'ada' }, [everything, user]).refused) count++
    return count
  })
  const { verdicts } = counters.takeNow({ address: '198.51.100.1', user: 'ada' }, [everything, user])
  process.send!({ admitted, ofUser: verdicts[1]!.limit.max - verdicts[1]!.remaining }, () => process.disconnect())
})
