import { PrismaPg } from '@prisma/adapter-pg'
import { type Sql } from '@gatepost/events/sql'
import { isConflict } from '@gatepost/service-kit/database-problem'
import { type Prisma, PrismaClient } from '../../generated/client.ts'
import { createStatementNames } from '@gatepost/service-kit/statement-names'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient

export interface Database {
  /** For single statements. */
  connection: Connection
  /** Runs the work in one transaction, and again when it met another one. A connection is held for as long. */
  transaction <T> (work: (tx: Connection) => Promise<T>): Promise<T>
  ping (): Promise<void>
  close (): Promise<void>
}

export interface DatabaseOptions {
  url: string
  /** Connections of this process; whoever waits for one for two seconds is told that it is too much. */
  poolSize: number
}

const ACQUIRE_TIMEOUT_MS = 2_000
/** No statement and no transaction is longer; the eraser of deleted authors relies on it. */
export const TRANSACTION_TIMEOUT_MS = 5_000
const TRIES = 4

export function openDatabase ({ url, poolSize }: DatabaseOptions): Database {
  const adapter = new PrismaPg({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: ACQUIRE_TIMEOUT_MS,
    statement_timeout: TRANSACTION_TIMEOUT_MS,
    idle_in_transaction_session_timeout: TRANSACTION_TIMEOUT_MS,
    application_name: 'gatepost-posts',
    // The adapter listens a moment after it was handed a new connection. One that the server cuts in that moment would
    // end the process; what is asked of it fails all the same.
    onConnect: (client) => { client.on('error', () => {}) }
  }, { statementNameGenerator: createStatementNames() })
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
    transaction,
    async ping () { await prisma.$queryRaw`SELECT 1` },
    close: () => prisma.$disconnect()
  }
}

/** The connection as packages/events wants it. */
export function sqlOf (connection: Connection): Sql {
  return {
    query: <Row>(text: string, values: readonly unknown[] = []) => connection.$queryRawUnsafe<Row[]>(text, ...values)
  }
}
