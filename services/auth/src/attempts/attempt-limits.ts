import { createHmac, type KeyObject } from 'node:crypto'

/** One counter of failures, and what it does when it is full. */
export interface AttemptCounter {
  key: Buffer
  maxFailures: number
  /** Failures that a counter starts with again after a lock; the next ones lock sooner. */
  failuresAfterLock: number
  /** The first lock; doubled each time up to `maxLockSeconds`. */
  lockSeconds: number
  maxLockSeconds: number
  /** Forgotten after this long without a failure or lock. */
  memorySeconds: number
}

/**
 * The three counters of an attempt. The pair of account and network stops who guesses; the network stops who tries many
 * accounts; the account stops who guesses from many networks, but never for more than a minute, and then lets a whole
 * round through: an attacker must not be able to keep the owner out.
 */
export function attemptCounters (
  secret: KeyObject,
  accountKey: string,
  network: string
): { pair: AttemptCounter, account: AttemptCounter, network: AttemptCounter } {
  return {
    pair: {
      key: keyOf(secret, 'pair', accountKey, network),
      maxFailures: 10,
      failuresAfterLock: 9,
      lockSeconds: 60,
      maxLockSeconds: 3600,
      memorySeconds: 6 * 3600
    },
    account: {
      key: keyOf(secret, 'account', accountKey),
      maxFailures: 50,
      failuresAfterLock: 0,
      lockSeconds: 60,
      maxLockSeconds: 60,
      memorySeconds: 3600
    },
    network: {
      key: keyOf(secret, 'network', network),
      maxFailures: 100,
      failuresAfterLock: 50,
      lockSeconds: 60,
      maxLockSeconds: 900,
      memorySeconds: 3600
    }
  }
}

/** Keyed, so that the table tells nobody which addresses were tried. */
function keyOf (secret: KeyObject, ...parts: string[]) {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest().subarray(0, 16)
}
