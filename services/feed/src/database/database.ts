import { PrismaPg } from '@prisma/adapter-pg'
import { type Sql, sqlOfPool } from '@gatepost/events/sql'
import { type DatabaseOptions, openPool, retriedTransactions } from '@gatepost/service-kit/database'
import { createStatementNames } from '@gatepost/service-kit/statement-names'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

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

export function openDatabase (options: DatabaseOptions): Database {
  const pool = openPool(options, 'feed')
  const nameOf = createStatementNames()
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: nameOf }) })
  return {
    connection: prisma,
    sql: sqlOfPool(pool, nameOf),
    transaction: retriedTransactions<Connection>(prisma),
    async ping () { await pool.query('SELECT 1') },
    async close () {
      await prisma.$disconnect()
      await pool.end()
    }
  }
}
