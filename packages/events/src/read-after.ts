import type { CloudEvent } from '@gatepost/contracts/event'
import type { Position } from '@gatepost/contracts/read-after'
import type { Sql } from '@gatepost/service-kit/sql'
import type { Logger } from 'pino'

export interface ReadAfterOptions {
  /** Single statements on the connections of the readers. */
  sql: Sql
  /** The durable consumers that build the read model. */
  consumers: readonly string[]
  log: Logger
}

/** Lets a reader wait for its own writes, without holding a database connection. */
export interface ReadAfter {
  /** To be called with each event once its effect is committed. */
  applied (event: CloudEvent): void
  /**
   * Resolves with whether all positions have been applied, at the latest after `waitMs`. Rejects if the database cannot
   * be asked at the beginning.
   */
  wait (positions: readonly Position[], waitMs: number): Promise<boolean>
}

interface Waiter {
  /** Versions that have not been applied yet, by aggregate. */
  missing: Map<string, number>
  resolve (applied: boolean): void
}

/** Events applied by other replicas are found at this interval, by one statement for all waiting readers. */
const ASK_AGAIN_MS = 50
/** Readers beyond this number do not wait: they get the present state. */
const MAX_WAITERS = 1_000

const VERSIONS = `SELECT aggregate_id AS "aggregateId", max(version) AS version FROM inbox
  WHERE consumer = ANY ($1::text[]) AND aggregate_id = ANY ($2::uuid[]) GROUP BY aggregate_id`

export function createReadAfter ({ sql, consumers, log }: ReadAfterOptions): ReadAfter {
  const waiters = new Set<Waiter>()
  let asking = false

  function note (waiter: Waiter, aggregateId: string, version: number) {
    const wanted = waiter.missing.get(aggregateId)
    if (wanted === undefined || version < wanted) return
    waiter.missing.delete(aggregateId)
    if (waiter.missing.size === 0) waiter.resolve(true)
  }

  async function ask (asked: Iterable<Waiter>) {
    const ids = new Set([...asked].flatMap(({ missing }) => [...missing.keys()]))
    const rows = await sql.query<Position>(VERSIONS, [consumers, [...ids]])
    for (const waiter of asked) for (const { aggregateId, version } of rows) note(waiter, aggregateId, version)
  }

  async function askAgain () {
    if (asking) return
    asking = true
    while (waiters.size > 0) {
      await new Promise((resolve) => {
        setTimeout(resolve, ASK_AGAIN_MS)
      })
      if (waiters.size > 0) {
        await ask([...waiters]).catch((err) => log.debug({ err }, 'applied versions could not be read'))
      }
    }
    asking = false
  }

  return {
    applied ({ subject, aggregateversion }) {
      for (const waiter of waiters) note(waiter, subject, aggregateversion)
    },

    async wait (positions, waitMs) {
      const missing = new Map<string, number>()
      for (const { aggregateId, version } of positions) {
        missing.set(aggregateId, Math.max(version, missing.get(aggregateId) ?? 0))
      }
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const waiter: Waiter = { missing, resolve }
      waiters.add(waiter) // before it asks: what is applied meanwhile is not missed
      let timer: NodeJS.Timeout | undefined
      try {
        await ask([waiter])
        if (missing.size === 0) return true
        if (waiters.size > MAX_WAITERS) return false
        timer = setTimeout(resolve, waitMs, false)
        void askAgain()
        return await promise
      } finally {
        clearTimeout(timer)
        waiters.delete(waiter)
      }
    }
  }
}
