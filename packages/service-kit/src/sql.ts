import type { ClientBase, Pool } from 'pg'

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
  return {
    query: <Row>(text: string, values: readonly unknown[] = []) => connection.$queryRawUnsafe<Row[]>(text, ...values)
  }
}

type NameOf = (statement: { sql: string }) => string

/**
 * Single statements on any connection of a pool, or on one connection; each is prepared once under the name
 * that `nameOf` gives it, if any.
 */
export function sqlOfPool (pool: Pool | ClientBase, nameOf: NameOf = () => ''): Sql {
  return {
    async query<Row> (text: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query({ name: nameOf({ sql: text }), text, values: [...values] })
      return rows as Row[]
    }
  }
}

/** Runs statements in one transaction. Rejects with the work's own rejection, once the transaction is rolled back. */
export async function transactionOfPool<Result> (
  pool: Pool,
  work: (sql: Sql) => Promise<Result>,
  nameOf?: NameOf
): Promise<Result> {
  const client = await pool.connect()
  let broken = false
  try {
    await client.query('BEGIN')
    const result = await work(sqlOfPool(client, nameOf))
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => { broken = true })
    throw error
  } finally {
    client.release(broken)
  }
}
