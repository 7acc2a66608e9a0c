import { type Instance, stateOf } from './instance.ts'

/**
 * Why an instance is ejected: it failed several times in a row, or more often than the others, while they answered
 * well.
 */
export type EjectionCause = 'streak' | 'share'

/** Refusals in a row that make an instance down: behind one address one of several hosts may refuse. */
const MAX_REFUSALS = 5
/** Within this time of an answer, refusals prove nothing. */
const REFUSALS_PROVE_AFTER_MS = 250
/** Failures in a row that no healthy instance has by chance. */
const MAX_STREAK = 5
/** The others count as healthy below this share of failures. */
const HEALTHY_SHARE = 0.2
/** An outlier's share of failures exceeds that of the other instances by more than this. */
const SHARE_MARGIN = 0.2
/** The weight of one call in the share of failures: about the last hundred count. */
const WEIGHT = 1 / 50
const EJECTION_MS = 10_000
const MAX_EJECTION_MS = 300_000
/** After this time in service without an ejection, the next one is the shortest again. */
const FORGIVEN_AFTER_MS = 300_000

export function recordGood (instance: Instance, now: number) {
  recordAnswer(instance, now)
  instance.lastGood = now
  instance.streak = 0
  instance.failureShare -= instance.failureShare * WEIGHT
}

/** A connection was there. */
export function recordAnswer (instance: Instance, now: number) {
  instance.lastAnswer = now
  instance.refusals = 0
  if (!instance.down) return
  instance.down = false
  instance.backSince = now
}

/** A connection did not come about. Whether siblings are better off does not matter: a call to nobody helps nobody. */
export function recordRefusal (instance: Instance, now: number) {
  instance.recentFailures++
  instance.refusals++
  if (instance.refusals >= MAX_REFUSALS && now - instance.lastAnswer >= REFUSALS_PROVE_AFTER_MS) instance.down = true
}

/**
 * A call that broke off, came too late, or was answered with a 5xx; it began at the time `began`. It counts against the
 * instance only beside its siblings: where all of them fail alike, none is ejected, and those that are come back. At
 * most half of the instances that can be reached are ejected at a time, so a single one never is. Answers why the
 * instance was ejected, if it was.
 */
export function recordFailure (
  instance: Instance,
  all: readonly Instance[],
  { now, began }: { now: number, began: number }
): EjectionCause | undefined {
  const others = all.filter((other) => other !== instance && stateOf(other, now) === 'up')
  const since = Math.min(began, instance.lastFailure)
  const othersAreGood = others.some(({ lastGood }) => lastGood > since)
  instance.recentFailures++
  instance.streak++
  instance.failureShare += (1 - instance.failureShare) * WEIGHT
  instance.lastFailure = now
  if (instance.ejectedUntil > now) return undefined
  if (!othersAreGood) {
    if (instance.streak >= MAX_STREAK) release(all, now)
    return undefined
  }
  const cause = causeOf(instance, others)
  if (cause === undefined || !mayEject(all, now)) return undefined
  eject(instance, now)
  return cause
}

function causeOf ({ streak, failureShare }: Instance, others: readonly Instance[]): EjectionCause | undefined {
  const share = others.reduce((sum, other) => sum + other.failureShare, 0) / others.length
  if (streak >= MAX_STREAK && share < HEALTHY_SHARE) return 'streak'
  return failureShare > share + SHARE_MARGIN ? 'share' : undefined
}

function mayEject (all: readonly Instance[], now: number) {
  const reachable = all.filter(({ down }) => !down)
  const ejected = reachable.filter(({ ejectedUntil }) => ejectedUntil > now)
  return ejected.length + 1 <= reachable.length / 2
}

/** When it is back, its first failure ejects it again. */
function eject (instance: Instance, now: number) {
  if (now - instance.ejectedUntil > FORGIVEN_AFTER_MS) instance.ejections = 0
  instance.ejectedUntil = now + Math.min(EJECTION_MS * 2 ** instance.ejections, MAX_EJECTION_MS)
  instance.ejections++
  instance.backSince = instance.ejectedUntil
  instance.streak = MAX_STREAK - 1
}

/** Nobody is better, so those that were ejected are no outliers. */
function release (all: readonly Instance[], now: number) {
  for (const instance of all) {
    if (instance.ejectedUntil <= now) continue
    instance.ejectedUntil = instance.backSince = now
    instance.streak = 0
  }
}
