import type { Sql } from '@gatepost/service-kit/sql'
import type { Pool } from 'pg'

/** The databases that the console may read, each by a role that may do nothing else. */
export interface Readers {
  names: string[]
  /** Undefined for a database that this console was not given. */
  find (name: string): Promise<Sql> | undefined
  close (): Promise<void>
}

const STATEMENT_TIMEOUT_MS = 3_000
/** Connections that nobody needs are closed, so that a console that nobody looks at has none. */
const IDLE_MS = 30_000

/** Connects, and loads the driver, when a page needs it. */
export function createReaders (urls: ReadonlyMap<string, string>): Readers {
  const pools = new Map<string, Promise<{ pool: Pool, sql: Sql }>>()

  async function open (url: string) {
    const [{ default: pg }, { sessionConfig }, { sqlOfPool }] = await Promise.all([
      import('pg'),
      import('@gatepost/service-kit/database-session'),
      import('@gatepost/service-kit/sql')
    ])
    const pool = new pg.Pool({
      ...sessionConfig({
        url,
        name: 'gatepost-console',
        statementTimeoutMs: STATEMENT_TIMEOUT_MS,
        settings: { default_transaction_read_only: 'on' }
      }),
      max: 2,
      idleTimeoutMillis: IDLE_MS
    })
    pool.on('error', () => {}) // an idle connection broke; there will be another
    return { pool, sql: sqlOfPool(pool) }
  }

  return {
    names: [...urls.keys()],
    find (name) {
      const url = urls.get(name)
      if (url === undefined) return undefined
      let opened = pools.get(name)
      if (opened === undefined) pools.set(name, opened = open(url))
      return opened.then(({ sql }) => sql)
    },
    async close () {
      for (const opened of pools.values()) await (await opened).pool.end()
    }
  }
}
