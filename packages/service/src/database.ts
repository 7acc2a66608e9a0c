import { PrismaPg } from '@prisma/adapter-pg'
import {
  databaseOf,
  type Database as DatabaseOf,
  type DatabaseOptions,
  openPool,
  repeatConflicting
} from '@gatepost/service-kit/database'
import { type Sql, sqlOfPool, transactionOfPool } from '@gatepost/service-kit/sql'
import { createStatementNames } from '@gatepost/service-kit/statement-names'

/** Makes the generated Prisma client of a service: `(adapter) => new PrismaClient({ adapter })`. */
export type ClientFactory<Connection> = (adapter: PrismaPg) => Parameters<typeof databaseOf<Connection>>[2]

/** A service's database: by its Prisma client, and straight to the driver on the same connections. */
export interface Database<Connection = unknown> extends DatabaseOf<Connection> {
  /** For the single statements that nearly every request is (docs/adr/0045-statements-past-prisma.md). */
  sql: Sql
  /** Several of them in one transaction, again when it met another one. */
  sqlTransaction <Result> (work: (sql: Sql) => Promise<Result>): Promise<Result>
}

/** Opens a pool of connections to a service's database. */
export type OpenDatabase<Connection> = (options: DatabaseOptions) => Database<Connection>

/** Makes what opens the database of a service, whose name is what the server calls its connections by. */
export function databaseOpener<Connection> (
  { name }: { name: string },
  createClient: ClientFactory<Connection>
): OpenDatabase<Connection> {
  return (options) => {
    const pool = openPool(options, name)
    const nameOf = createStatementNames(options.url)
    const client = createClient(new PrismaPg(pool, { statementNameGenerator: nameOf }))
    return {
      ...databaseOf<Connection>(pool, options.url, client),
      sql: sqlOfPool(pool, nameOf),
      sqlTransaction: (work) => repeatConflicting(() => transactionOfPool(pool, work, nameOf))
    }
  }
}
