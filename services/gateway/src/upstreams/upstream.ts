import type { FastifyBaseLogger } from 'fastify'
import { type Resolve, resolveName } from './addresses.ts'
import { createHost, type Host } from './host.ts'
import { type Instance, type InstanceState, stateOf } from './instance.ts'
import { type EjectionCause, recordAnswer, recordFailure, recordGood, recordRefusal } from './outliers.ts'
import { createPicker } from './picker.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'

/** Counts of the calls so far, by outcome. */
export interface Tally {
  calls: number
  /** Further attempts of a call. */
  repeats: number
  failures: Record<Failure, number>
  ejections: Record<EjectionCause, number>
}

/** Why a call got no answer: nobody there, too many waiting, broken off or nonsense, too slow. */
export type Failure = 'unreachable' | 'overloaded' | 'broken' | 'timeout'

/** A service with all its instances. */
export interface Upstream {
  readonly name: string
  readonly instances: readonly Instance[]
  readonly retries: RetryBudget
  readonly tally: Tally
  /** Whether every instance was asked once. */
  readonly asked: boolean
  /** Whether every name of its URLs has addresses. */
  readonly resolved: boolean
  /** The best instance that was not tried yet, or undefined when none can be reached. */
  pick (tried: readonly Instance[], now: number): Instance | undefined
  /** A whole answer came to a call that began then. */
  noteAnswer (instance: Instance, status: number, began: number): void
  /** A call that began then broke off or was not answered in time. */
  noteFailure (instance: Instance, began: number): void
  /** No connection came about. */
  noteRefusal (instance: Instance): void
  /** This process had no socket for a call. */
  noteStarved (error: Error): void
  close (): Promise<void>
}

export interface UpstreamOptions {
  name: string
  urls: readonly string[]
  log: FastifyBaseLogger
  resolve?: Resolve
  /** Milliseconds that a connection takes calls at most. */
  connectionAgeMs?: number
}

const FAILED = 500
const STARVED_EVERY_MS = 60_000

/** Spreads calls over the instances of a service, and keeps those out that fail. */
export function createUpstream (
  { name, urls, log, resolve = resolveName, connectionAgeMs }: UpstreamOptions
): Upstream {
  const tally: Tally = {
    calls: 0,
    repeats: 0,
    failures: { unreachable: 0, overloaded: 0, broken: 0, timeout: 0 },
    ejections: { streak: 0, share: 0 }
  }
  const told = new WeakMap<Instance, InstanceState>()
  const pick = createPicker()
  let instances: readonly Instance[] = []
  let starvedAt = -Infinity
  let hosts: readonly Host[] = []
  hosts = urls.map((url) =>
    createHost({
      url,
      resolve,
      connectionAgeMs,
      onChange: gather,
      onProbe: tell,
      onFault: (err) =>
        log.warn({ err, upstream: name }, `a name of ${name} cannot be resolved: its last known addresses stay`)
    })
  )
  gather()

  function gather () {
    instances = hosts.flatMap((host) => host.instances)
  }

  /** Logs the state of an instance when it changes. */
  function tell (instance: Instance, cause?: EjectionCause) {
    const now = performance.now()
    const state = stateOf(instance, now)
    if (state === (told.get(instance) ?? 'up')) return
    told.set(instance, state)
    const forMs = state === 'ejected' ? Math.round(instance.ejectedUntil - now) : undefined
    log[state === 'up' ? 'info' : 'warn'](
      { upstream: name, instance: instance.origin, state, cause, forMs },
      `an instance of ${name} is ${state}`
    )
  }

  function noteFailure (instance: Instance, began: number) {
    const cause = recordFailure(instance, instances, { now: performance.now(), began })
    if (cause === undefined) return
    tally.ejections[cause]++
    tell(instance, cause)
  }

  return {
    name,
    get instances () { return instances },
    retries: createRetryBudget(),
    tally,
    get asked () { return hosts.every(({ asked }) => asked) },
    get resolved () { return hosts.every(({ resolved }) => resolved) },
    pick: (tried, now) => pick(instances, tried, now),
    noteFailure,
    noteAnswer (instance, status, began) {
      const now = performance.now()
      if (status < FAILED) return recordGood(instance, now)
      recordAnswer(instance, now)
      noteFailure(instance, began)
    },
    noteRefusal (instance) {
      recordRefusal(instance, performance.now())
      tell(instance)
    },
    noteStarved (err) {
      const now = performance.now()
      if (now - starvedAt < STARVED_EVERY_MS) return
      starvedAt = now
      log.warn({ err, upstream: name }, `calls to ${name} fail for want of sockets or ports in this process`)
    },
    async close () {
      await Promise.all(hosts.map((host) => host.close()))
    }
  }
}
