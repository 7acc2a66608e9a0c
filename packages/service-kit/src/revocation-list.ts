/** Sessions that ended before their access tokens did. */
export interface RevocationList {
  /** Refuses the session's access tokens from now on, until the last of them has expired. */
  revoke (sessionId: string, expiresAtMs: number): void
  /** Whether a token of the session that expires then is refused. */
  isRevoked (sessionId: string, tokenExpiresAtMs: number): boolean
  /** Notes that the list now has every revocation that concerns a token that may be alive. */
  markComplete (): void
  /** Whether the list was complete once; before that, no token can be called good. */
  readonly complete: boolean
  readonly size: number
}

/** The difference of clocks in milliseconds; an entry is kept for that long after its tokens died. */
const CLOCK_SKEW_MS = 5_000
const DEFAULT_MAX = 1_000_000
const SWEEP_MS = 60_000

/**
 * A revocation list of at most `max` sessions. When more are revoked at once it errs on the safe side: it drops the
 * entries with the earliest end, and refuses every token that expires no later than they do, so that its holder
 * refreshes a little early.
 */
export function createRevocationList (
  { max = DEFAULT_MAX, now = Date.now }: { max?: number, now?: () => number } = {}
): RevocationList {
  const expiries = new Map<string, number>()
  let refuseUntil = 0
  let sweptAt = 0
  let complete = false

  function sweep () {
    const current = now()
    for (const [id, expiresAt] of expiries) if (expiresAt + CLOCK_SKEW_MS < current) expiries.delete(id)
    if (expiries.size < max) return
    const soonestFirst = [...expiries].sort((a, b) => a[1] - b[1])
    for (const [id, expiresAt] of soonestFirst.slice(0, Math.ceil(max / 10))) {
      refuseUntil = Math.max(refuseUntil, expiresAt)
      expiries.delete(id)
    }
  }

  return {
    revoke (sessionId, expiresAtMs) {
      // The clock may have gone back.
      if (expiries.size >= max || Math.abs(now() - sweptAt) > SWEEP_MS) {
        sweptAt = now()
        sweep()
      }
      expiries.set(sessionId, Math.max(expiresAtMs, expiries.get(sessionId) ?? 0))
    },
    isRevoked: (sessionId, tokenExpiresAtMs) => tokenExpiresAtMs <= refuseUntil || expiries.has(sessionId),
    markComplete () { complete = true },
    get complete () { return complete },
    get size () { return expiries.size }
  }
}

/** The list of a process that asks the sessions themselves; it stays empty. */
export function emptyRevocationList (): RevocationList {
  const list = createRevocationList()
  list.markComplete()
  return list
}
