import type { MaybePromise } from '@gatepost/service-kit/maybe-promise'

/** The identities whose requests are counted; each limit uses one of them. */
export interface Counted {
  address: string
  /** '' while nobody is known. */
  user: string
  /** The id of an API key with a limit of its own; '' for all other calls. */
  key: string
}

/** A request as limits see it. */
export interface CountedRequest extends Counted {
  /** The limit of the key, beside those of its user. */
  keyLimit: Limit | undefined
}

/** At most `max` requests of one address, user or key in a window that begins with the first of them. */
export interface Limit {
  /** As it is named in the RateLimit fields. */
  name: string
  by: keyof Counted
  max: number
  windowMs: number
}

/** The answer of one limit to a request. */
export interface Verdict {
  limit: Limit
  /** Requests that are left in the window. */
  remaining: number
  /** Until the window ends. */
  resetMs: number
}

export interface Decision {
  refused: boolean
  /** One for each limit that was asked, in the same order. */
  verdicts: Verdict[]
  /** Whether this is the local share of a limit, because the shared counters cannot be reached. */
  degraded: boolean
}

/**
 * Counts a request against several limits at once. Either all of them have room and all are charged, or the request is
 * refused and none is: a client that runs into the small limit does not use up the large one meanwhile.
 */
export interface Counters {
  take (counted: Counted, limits: readonly Limit[]): MaybePromise<Decision>
  /** The same at once, where nobody else has to be asked. */
  takeNow? (counted: Counted, limits: readonly Limit[]): Decision
}

/** How requests were decided, `degraded` by this instance's share alone. */
export type DecisionTally = Record<'normal' | 'degraded', Record<'admitted' | 'refused', number>>

export function createDecisionTally (): DecisionTally {
  return { normal: { admitted: 0, refused: 0 }, degraded: { admitted: 0, refused: 0 } }
}
