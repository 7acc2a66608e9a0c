import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChild } from '@gatepost/local-stack/child'
import type { Ground } from '../ground.ts'
import { coresFor, pinned } from './machine.ts'

/** Times the quickest walk of this run; in between there is little. */
const DISTURBED = 2
const PAUSE_MS = 500

export interface Calm {
  /** Whether the measured core has the caches to itself just now. */
  now (): Promise<boolean>
  /** Waits until it has, but not beyond this time (as performance.now() tells it). */
  until (deadline: number): Promise<void>
}

/**
 * Tells when strangers on the same hardware take the cache that all its cores share: a walk over 4 MB, which needs it,
 * takes six times as long then, while mere computing takes as long as ever. Whatever touches much memory for a request
 * suffers most, so a round in such a time compares the peers' hunger for cache and little else.
 */
export async function watchCalm (ground: Ground): Promise<Calm> {
  const walker = startChild(...pinned(coresFor(1).measured, process.execPath, [fileURLToPath(new URL('walk.ts', import.meta.url))]), { name: 'walk', stdio: ['pipe', 'pipe', 'inherit'] })
  ground.onEnd(() => walker.stop(1000))
  const lines = createInterface({ input: walker.process.stdout! })
  let quickest = Infinity

  async function now () {
    walker.process.stdin!.write('\n')
    const [line] = await Promise.race([once(lines, 'line'), walker.ended.then((end) => { throw new Error(end) })])
    const took = Number(line)
    quickest = Math.min(quickest, took)
    return took < DISTURBED * quickest
  }
  await now() // compiles it

  return {
    now,
    async until (deadline) {
      while (!await now() && performance.now() < deadline) await sleep(PAUSE_MS)
    }
  }
}
