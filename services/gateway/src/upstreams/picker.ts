import { type Instance, stateOf } from './instance.ts'

/** A returning instance takes a growing part of the calls during this time, beginning with {@link LEAST_PART}. */
const SLOW_START_MS = 10_000
const LEAST_PART = 0.1

/** Chooses an instance for each call: the least busy of the healthy ones, in turn among equals. */
export function createPicker () {
  let turn = 0

  /** Undefined when all of them were tried or are down. */
  return function pick (instances: readonly Instance[], tried: readonly Instance[], now: number): Instance | undefined {
    let best: Instance | undefined
    let bestRank = Infinity
    turn++
    for (let i = 0; i < instances.length; i++) {
      const instance = instances[(turn + i) % instances.length]!
      if (instance.down || tried.includes(instance)) continue
      const rank = rankOf(instance, now)
      if (best === undefined || rank < bestRank || (rank === bestRank && loadOf(instance) < loadOf(best))) {
        best = instance
        bestRank = rank
      }
    }
    if (best !== undefined) best.credit = 0
    return best
  }
}

function loadOf ({ inFlight, recentFailures }: Instance) {
  return inFlight + recentFailures
}

function rankOf (instance: Instance, now: number) {
  if (stateOf(instance, now) !== 'up') return 2
  return isWarmingUp(instance, now) ? 1 : 0
}

/** Whether an instance that has just come back has not saved up for a call yet. */
function isWarmingUp (instance: Instance, now: number) {
  const since = now - instance.backSince
  if (since >= SLOW_START_MS) return false
  instance.credit += Math.max(LEAST_PART, since / SLOW_START_MS)
  return instance.credit < 1
}
