import { type Sql, sqlOfPool, transactionOfPool } from '@gatepost/service-kit/sql'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  databaseOf,
  type Database as DatabaseOf,
  type DatabaseOptions,
  openPool,
  repeatConflicting
} from '@gatepost/service-kit/database'
import { createStatementNames } from '@gatepost/service-kit/statement-names'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient

export interface Database extends DatabaseOf<Connection> {
  /** For those single statements that nearly every request is: straight to the driver, on the same connections. */
  sql: Sql
  /** Several of them in one transaction, again when it met another one. */
  sqlTransaction <Result> (work: (sql: Sql) => Promise<Result>): Promise<Result>
}

export function openDatabase (options: DatabaseOptions): Database {
  const pool = openPool(options, 'posts')
  const nameOf = createStatementNames(options.url)
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: nameOf }) })
  return {
    ...databaseOf<Connection>(pool, options.url, prisma),
    sql: sqlOfPool(pool, nameOf),
    sqlTransaction: (work) => repeatConflicting(() => transactionOfPool(pool, work, nameOf))
  }
}
