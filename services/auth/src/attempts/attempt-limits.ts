import { createHmac, type KeyObject } from 'node:crypto'

/** One counter of failures, and its lock when it is full. */
export interface AttemptCounter {
  key: Buffer
  maxFailures: number
  /** Failures with which a counter starts again after a lock, so that the next lock comes sooner. */
  failuresAfterLock: number
  /** Length of the first lock; each further lock is twice as long, up to `maxLockSeconds`. */
  lockSeconds: number
  maxLockSeconds: number
  /** A counter is forgotten after this long without a failure or a lock. */
  memorySeconds: number
}

/**
 * The three counters of an attempt. The pair of account and network stops a guesser; the network stops a guesser of
 * many accounts. The account stops guessers from many networks, but for a minute at most, and then lets a whole round
 * through: an attacker must not be able to keep the owner out.
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

/** Keyed, so that a reader of the table does not learn which addresses were tried. */
function keyOf (secret: KeyObject, ...parts: string[]) {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest().subarray(0, 16)
}
