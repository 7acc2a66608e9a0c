import { PermissionViolationError } from '@nats-io/nats-core'
import type { Logger } from 'pino'

/** A permission violation: an operation that the server did not carry out. */
export interface Refusal {
  operation: 'publish' | 'subscription'
  subject: string
}

const LOG_EVERY_MS = 60_000
/** Subjects carry ids, so the log's memory of them is bounded. */
const MAX_REMEMBERED = 1_000

/** Hands on the server's refusals, and logs one line a minute for each kind. */
export function createRefusals (log: Pick<Logger, 'error'>) {
  const listeners = new Set<(refusal: Refusal) => void>()
  const saidAt = new Map<string, number>()

  function isNews (text: string) {
    const now = performance.now()
    if (now - (saidAt.get(text) ?? -Infinity) < LOG_EVERY_MS) return false
    if (saidAt.size >= MAX_REMEMBERED) saidAt.clear()
    saidAt.set(text, now)
    return true
  }

  return {
    /** To be called with every error that the server sends. */
    hear (error: Error) {
      if (!(error instanceof PermissionViolationError)) {
        if (isNews(error.message)) log.error({ err: error }, 'NATS refused something')
        return
      }
      const { operation, subject } = error
      if (isNews(`${operation} ${subject}`)) {
        log.error(
          { operation, subject },
          'NATS does not permit this to our account: are its accounts those of this release?'
        )
      }
      for (const listener of [...listeners]) listener({ operation, subject })
    },
    /** Returns how to stop. */
    onRefusal (listener: (refusal: Refusal) => void) {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    }
  }
}
