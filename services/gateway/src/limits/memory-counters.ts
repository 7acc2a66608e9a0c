import { createCounterTable, type Counter, type CounterTable } from './counter-table.ts'
import type { Counted, Counters, Decision, Limit } from './limit.ts'

/**
 * The counters of one limit. Its windows have one length and end in the order in which they began; those of keys have
 * several, so some stay a little after their end.
 */
interface Table {
  open: CounterTable
  /** Counters without anything left, kept apart so that a flood of new addresses cannot push them out. */
  exhausted: CounterTable
}

const DEFAULT_MAX_KEYS = 100_000

/** Monotonic: changes of the machine's clock neither lengthen nor shorten a window. */
const monotonic = () => performance.now()

/** Rate-limit counters of this process alone, at most `maxKeys` of each limit. */
export function memoryCounters (
  { maxKeys = DEFAULT_MAX_KEYS, now = monotonic }: { maxKeys?: number, now?: () => number } = {}
): Required<Counters> & { readonly size: number } {
  const tables = new Map<string, Table>()

  function tableOf (limit: Limit) {
    let table = tables.get(limit.name)
    if (!table) tables.set(limit.name, table = { open: createCounterTable(), exhausted: createCounterTable() })
    return table
  }

  function find (table: Table, key: string, current: number): Counter | undefined {
    const counter = table.open.get(key) ?? table.exhausted.get(key)
    if (counter === undefined || counter.endsAt > current) return counter
    table.open.delete(key)
    table.exhausted.delete(key)
    return undefined
  }

  function charge (table: Table, key: string, limit: Limit, counter: Counter | undefined, current: number): Counter {
    if (counter === undefined) {
      makeRoom(table, current)
      table.open.set(key, counter = { count: 0, endsAt: current + limit.windowMs })
    }
    if (++counter.count >= limit.max) {
      table.open.delete(key)
      table.exhausted.set(key, counter)
    }
    return counter
  }

  function makeRoom ({ open, exhausted }: Table, current: number) {
    open.dropEnded(current)
    exhausted.dropEnded(current)
    if (open.size + exhausted.size < maxKeys) return
    const fullest = open.size > 0 ? open : exhausted
    fullest.deleteOldest()
  }

  function takeNow (counted: Counted, limits: readonly Limit[]): Decision {
    const current = Math.floor(now()) // or sums of fractions make a window a second longer
    let refused = false
    for (const limit of limits) {
      const counter = find(tableOf(limit), counted[limit.by], current)
      if (counter !== undefined && counter.count >= limit.max) refused = true
    }
    const verdicts = limits.map((limit) => {
      const table = tableOf(limit)
      const key = counted[limit.by]
      const found = find(table, key, current)
      const counter = refused ? found : charge(table, key, limit, found, current)
      return {
        limit,
        remaining: Math.max(0, limit.max - (counter?.count ?? 0)),
        resetMs: counter ? counter.endsAt - current : limit.windowMs
      }
    })
    return { refused, verdicts, degraded: false }
  }

  return {
    take: takeNow,
    takeNow,
    get size () {
      return [...tables.values()].reduce((sum, { open, exhausted }) => sum + open.size + exhausted.size, 0)
    }
  }
}
