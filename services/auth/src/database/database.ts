import { PrismaPg } from '@prisma/adapter-pg'
import { type DatabaseOptions, openPool, retriedTransactions } from '@gatepost/service-kit/database'
import { createStatementNames } from '@gatepost/service-kit/statement-names'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient

export interface Database {
  /** For single statements. */
  connection: Connection
  /** Runs the work in one transaction and again when it met another one. Hash and send outside: a connection is held. */
  transaction <T> (work: (tx: Connection) => Promise<T>): Promise<T>
  ping (): Promise<void>
  close (): Promise<void>
}

export function openDatabase (options: DatabaseOptions): Database {
  const pool = openPool(options, 'auth')
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: createStatementNames() }) })
  return {
    connection: prisma,
    transaction: retriedTransactions<Connection>(prisma),
    async ping () { await pool.query('SELECT 1') },
    async close () {
      await prisma.$disconnect()
      await pool.end()
    }
  }
}
