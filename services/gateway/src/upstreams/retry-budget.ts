/** Retries may add this much to the calls of an upstream, so that they cannot bury one that is in trouble. */
const RATIO = 0.1
/** The balance of a quiet upstream. */
const SAVED = 3
const MOST = 100

/** Grants retries from a balance that ordinary calls pay into. */
export function createRetryBudget () {
  let balance = SAVED
  return {
    deposit () { balance = Math.min(MOST, balance + RATIO) },
    /** Whether one more call may be made; takes it out of the budget. */
    withdraw () {
      if (balance < 1) return false
      balance--
      return true
    }
  }
}

export type RetryBudget = ReturnType<typeof createRetryBudget>
