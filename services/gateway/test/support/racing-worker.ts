// One of several processes that charge the same limits as fast as they can, key by key. The last word of their memory is for when: node racing-worker.ts <index> <workers> <keys> <tries>
import { mapSharedMemory } from '@gatepost/service-kit/run/shared-memory'
import type { Limit } from '../../src/limits/limit.ts'
import { workerCounters } from '../../src/limits/worker-counters.ts'

const MEMORY_DESCRIPTOR = 4
const LONG_MS = 3_600_000
const everything: Limit = { name: 'default', by: 'address', max: 8, windowMs: LONG_MS }
const user: Limit = { name: 'user', by: 'user', max: 1_000_000, windowMs: LONG_MS }

const [index, workers, keys, tries] = process.argv.slice(2).map(Number) as [number, number, number, number]
const memory = await mapSharedMemory(MEMORY_DESCRIPTOR)
const arrived = new Int32Array(memory, memory.byteLength - 8)
const counters = workerCounters({ memory, index, workers, limits: [everything, user] })
process.send!('ready')
process.once('message', () => {
  const admitted = Array.from({ length: keys }, (_, key) => {
    let count = 0
    Atomics.add(arrived, 0, 1)
    while (Atomics.load(arrived, 0) < (key + 1) * workers); // all of them begin with a key in the same microsecond
    for (let i = 0; i < tries; i++) if (!counters.takeNow({ address: `192.0.2.${key}`, user: 'ada' }, [everything, user]).refused) count++
    return count
  })
  const { verdicts } = counters.takeNow({ address: '198.51.100.1', user: 'ada' }, [everything, user])
  process.send!({ admitted, ofUser: verdicts[1]!.limit.max - verdicts[1]!.remaining }, () => process.disconnect())
})
