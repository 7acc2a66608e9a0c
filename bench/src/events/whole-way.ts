import { setTimeout as sleep } from 'node:timers/promises'
import { VICTIMS } from '../../../test/chaos/faults.ts'
import { createLedger } from '../../../test/chaos/ledger.ts'
import { createProbe } from '../../../test/chaos/probe.ts'
import { startWholeSystem } from '../../../test/chaos/whole-system.ts'
import { median } from '../lab/statistics.ts'

const TIMES = 3

/**
 * The whole system with one user: from each kill of a process, which is started again at once, the seconds until a
 * login, a post and its way into the feed have succeeded, and until the process itself was ready. The middle of three.
 */
export async function wholeWay (): Promise<Map<string, { works: number, ready: number }>> {
  const { system, origin, stop } = await startWholeSystem()
  try {
    const probe = createProbe(origin, createLedger(), 'bench')
    await probe.register()
    await probe.works()
    const found = new Map<string, { works: number, ready: number }>()
    for (const name of VICTIMS) {
      const samples: { works: number, ready: number }[] = []
      for (let time = 0; time < TIMES; time++) {
        await sleep(1_000) // lets the system settle
        const begun = performance.now()
        const child = system.children.get(name)!
        child.signal('SIGKILL')
        await child.ended
        const ready = system.startAgain(name).then(() => performance.now() - begun)
        const { seenAt } = await probe.works()
        samples.push({ works: (seenAt - begun) / 1_000, ready: await ready / 1_000 })
      }
      found.set(name, {
        works: median(samples.map(({ works }) => works)),
        ready: median(samples.map(({ ready }) => ready))
      })
    }
    return found
  } finally {
    await stop()
  }
}
