import { PrismaPg } from '@prisma/adapter-pg'
import { databaseOf, type Database as DatabaseOf, type DatabaseOptions, openPool } from '@gatepost/service-kit/database'
import { createStatementNames } from '@gatepost/service-kit/statement-names'
import { type Prisma, PrismaClient } from '../../generated/client.ts'

/** Inside a transaction, or one statement by itself: what repositories take as their first argument. */
export type Connection = Prisma.TransactionClient
export type Database = DatabaseOf<Connection>

export function openDatabase (options: DatabaseOptions): Database {
  const pool = openPool(options, 'auth')
  return databaseOf<Connection>(pool, new PrismaClient({ adapter: new PrismaPg(pool, { statementNameGenerator: createStatementNames() }) }))
}
