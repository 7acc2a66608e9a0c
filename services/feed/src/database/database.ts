import { PrismaPg } from '@prisma/adapter-pg'
import { type Sql } from '@gatepost/events/sql'
import { isConflict } from '@gatepost/service-kit/database-problem'
import { observePool } from '@gatepost/service-kit/pool-metrics'
import pg from 'pg'
import { type Registry } from 'prom-client'
import { type Prisma, PrismaClient } from '../../generated/client.ts'
import { createStatementNames } from '@gatepost/service-kit/statement-names'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient

export interface Database {
  /** For single statements. */
  connection: Connection
  /** For those single statements that nearly every request is: straight to the driver, on the same connections. */
  sql: Sql
  /** Runs the work in one transaction, and again when it met another one. A connection is held for as long. */
  transaction <T> (work: (tx: Connection) => Promise<T>): Promise<T>
  ping (): Promise<void>
  close (): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** Connections of this process; whoever waits for one for two seconds is told that it is too much. */
  poolSize: number
  /** Where the pool shows how much of it is used, under this name. */
  metrics?: { registry: Registry, pool: string }
}

const ACQUIRE_TIMEOUT_MS = 2_000
/** No statement and no transaction is longer; the eraser of deleted authors relies on it. */
export const TRANSACTION_TIMEOUT_MS = 5_000
const TRIES = 4

export function openDatabase ({ url, poolSize, metrics }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    statement_timeout: TRANSACTION_TIMEOUT_MS,
    idle_in_transaction_session_timeout: TRANSACTION_TIMEOUT_MS,
    application_name: 'gatepost-feed',
    // The adapter listens a moment after it was handed a new connection. One that the server cuts in that moment would
    // end the process; what is asked of it fails all the same.
    onConnect: (client) => { client.on('error', () => {}) }
  })
  pool.on('error', () => {}) // an idle connection broke; there will be another
  if (metrics) observePool(metrics.registry, metrics.pool, pool)
  const nameOf = createStatementNames()
  const adapter = new PrismaPg(pool, { statementNameGenerator: nameOf })
  const prisma = new PrismaClient({ adapter, transactionOptions: { maxWait: ACQUIRE_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS } })

  async function transaction<T> (work: (tx: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await prisma.$transaction(work)
      } catch (error) {
        if (attempt === TRIES || !isConflict(error)) throw error
      }
    }
  }
  return {
    connection: prisma,
    sql: { query: async <Row>(text: string, values: readonly unknown[] = []) => (await pool.query({ name: nameOf({ sql: text }), text, values: [...values] })).rows as Row[] },
    transaction,
    async ping () { await prisma.$queryRaw`SELECT 1` },
    async close () {
      await prisma.$disconnect()
      await pool.end()
    }
  }
}

/** The connection as packages/events wants it. */
export function sqlOf (connection: Connection): Sql {
  return {
    query: <Row>(text: string, values: readonly unknown[] = []) => connection.$queryRawUnsafe<Row[]>(text, ...values)
  }
}
