import { Gauge, type Registry } from 'prom-client'

/** The part of a pool of pg that is shown. */
export interface Pool {
  options: { max: number }
  /** Open connections, and the idle ones among them. */
  totalCount: number
  idleCount: number
  /** Callers that wait for a connection. */
  waitingCount: number
}

const pools = new WeakMap<Registry, Map<string, Pool>>()

/** Shows the use of a pool, read whenever the metrics are; `name` tells the pools of one process apart. */
export function observePool (registry: Registry, name: string, pool: Pool) {
  const observed = pools.get(registry) ?? register(registry)
  observed.set(name, pool)
}

function register (registry: Registry) {
  const observed = new Map<string, Pool>()
  pools.set(registry, observed)
  const gauge = (metric: string, help: string, valueOf: (pool: Pool) => number) => new Gauge({
    name: `gatepost_database_pool_${metric}`,
    help,
    labelNames: ['pool'] as const,
    registers: [registry],
    collect () { for (const [name, pool] of observed) this.set({ pool: name }, valueOf(pool)) }
  })
  gauge('size', 'Database connections that the pool may open.', ({ options }) => options.max)
  gauge(
    'in_use',
    'Database connections that work for somebody now.',
    ({ totalCount, idleCount }) => totalCount - idleCount
  )
  gauge('waiting', 'Callers that wait for a database connection now.', ({ waitingCount }) => waitingCount)
  return observed
}
