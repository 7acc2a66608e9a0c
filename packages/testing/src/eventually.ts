import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 20

/** Waits until the check passes; at the deadline its last failure is thrown. */
export async function eventually<T> (check: () => T | Promise<T>, { withinMs = 10_000 } = {}): Promise<T> {
  for (const deadline = Date.now() + withinMs; ; await sleep(EVERY_MS)) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
  }
}
