import { databaseOf, type Database as DatabaseOf, type DatabaseOptions, openPool } from '@gatepost/service-kit/database'
import { type Sql, sqlOfPool } from '@gatepost/service-kit/sql'
import { createStatementNames } from '@gatepost/service-kit/statement-names'
import { PrismaPg } from '@prisma/adapter-pg'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

/** A transaction, or the database for one statement by itself; the first argument of repositories' methods. */
export type Connection = Prisma.TransactionClient

export interface Database extends DatabaseOf<Connection> {
  /** For the single statements of logins, refreshes and calls with a token: past Prisma, on the same connections. */
  sql: Sql
}

export function openDatabase (options: DatabaseOptions): Database {
  const pool = openPool(options, 'auth')
  const nameOf = createStatementNames(options.url)
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: nameOf }) })
  return { ...databaseOf<Connection>(pool, options.url, prisma), sql: sqlOfPool(pool, nameOf) }
}
