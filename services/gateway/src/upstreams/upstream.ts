import type { FastifyBaseLogger } from 'fastify'
import { createInstance, type Instance, type InstanceState, watchInstance } from './instance.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'

/** What became of the calls so far. */
export interface Tally {
  calls: number
  /** Further attempts of a call. */
  repeats: number
  failures: Record<Failure, number>
}

/** Why a call got no answer: nobody there, too many waiting, broken off or nonsense, too slow. */
export type Failure = 'unreachable' | 'overloaded' | 'broken' | 'timeout'

/** A service with all its instances. */
export interface Upstream {
  readonly name: string
  readonly instances: readonly Instance[]
  readonly retries: RetryBudget
  readonly tally: Tally
  /** The best instance that was not tried yet, or undefined when none can be reached. */
  pick (tried: readonly Instance[]): Instance | undefined
  close (): Promise<void>
}

const RANK: Record<InstanceState, number> = { up: 0, slow: 1, down: 2 }

/** Spreads calls over the instances: the least busy of the healthy ones, in turn among equals. */
export function createUpstream ({ name, urls, log }: { name: string, urls: readonly string[], log: FastifyBaseLogger }): Upstream {
  const tell = ({ origin, state }: Instance) => log[state === 'up' ? 'info' : 'warn']({ upstream: name, instance: origin, state }, `an instance of ${name} is ${state}`)
  const instances = urls.map((url) => createInstance(url, tell))
  const stops = instances.map(watchInstance)
  let turn = 0

  function pick (tried: readonly Instance[]) {
    let best: Instance | undefined
    turn = (turn + 1) % instances.length
    for (let i = 0; i < instances.length; i++) {
      const instance = instances[(turn + i) % instances.length]!
      if (instance.state === 'down' || tried.includes(instance)) continue
      if (best === undefined || RANK[instance.state] < RANK[best.state] || (instance.state === best.state && instance.inFlight < best.inFlight)) best = instance
    }
    return best
  }

  return {
    name,
    instances,
    retries: createRetryBudget(),
    tally: { calls: 0, repeats: 0, failures: { unreachable: 0, overloaded: 0, broken: 0, timeout: 0 } },
    pick,
    async close () {
      for (const stop of stops) stop()
      await Promise.all(instances.map(({ pool }) => pool.destroy()))
    }
  }
}
