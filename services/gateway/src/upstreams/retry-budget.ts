/** Retries may add this much to the calls of an upstream, so that they cannot bury one that is in trouble. */
const RATIO = 0.1
/** What a quiet upstream has saved up. */
const SAVED = 3
const MOST = 100

/** Grants retries out of what ordinary calls have paid in. */
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
