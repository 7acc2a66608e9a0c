/** The part of a Prisma client that runs a statement. */
interface Connection {
  $executeRawUnsafe (text: string, ...values: unknown[]): Promise<number>
}

export interface Expiry {
  table: string
  /** The column with the time; an index of the table is ordered by it. */
  column: string
  /** A further condition in SQL; `$1` is the time. */
  and?: string
}

const BATCH = 1_000

/**
 * Deletes the rows whose time is before `before`, a thousand a statement, the oldest first. No statement lasts long or
 * locks many rows, and processes that delete at once pass each other by. Resolves with the number of rows.
 */
export async function deleteBefore (
  connection: Connection,
  { table, column, and = 'true' }: Expiry,
  before: Date
): Promise<number> {
  const statement = `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM ${table} WHERE ${column} < $1::timestamptz AND (${and})
    ORDER BY ${column} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`
  let deleted = 0
  for (let count = BATCH; count === BATCH; deleted += count) {
    count = await connection.$executeRawUnsafe(statement, before)
  }
  return deleted
}
