import type { Pool } from 'pg'

/** Plain SQL inside the caller's transaction, with `$1` placeholders; the texts cast their parameters themselves. */
export interface Sql {
  query<Row = unknown> (text: string, values?: readonly unknown[]): Promise<Row[]>
}

/** A Prisma client, or the transaction of one. */
interface PrismaConnection {
  $queryRawUnsafe<Rows> (text: string, ...values: unknown[]): Promise<Rows>
}

/** SQL in the transaction of a Prisma client. */
export function sqlOf (connection: PrismaConnection): Sql {
  return { query: <Row>(text: string, values: readonly unknown[] = []) => connection.$queryRawUnsafe<Row[]>(text, ...values) }
}

/** Single statements on any connection of a pool, each prepared once under the name that `nameOf` gives it, if any. */
export function sqlOfPool (pool: Pool, nameOf: (statement: { sql: string }) => string = () => ''): Sql {
  return {
    async query<Row> (text: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query({ name: nameOf({ sql: text }), text, values: [...values] })
      return rows as Row[]
    }
  }
}
