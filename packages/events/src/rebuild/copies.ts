import type { Sql } from '@gatepost/service-kit/sql'

/** Tables that hide the living ones from this session, and are gone with it. */
export async function copyTables (sql: Sql, tables: readonly string[]) {
  for (const table of tables) await sql.query(`CREATE TEMP TABLE ${table} (LIKE public.${table} INCLUDING ALL)`)
}

export interface Placement {
  table: string
  key: readonly string[]
  /** The rows that are replaced; by default all of the table. */
  only?: { column: string, value: string }
}

const COLUMNS = `SELECT column_name AS name FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`
/** The time of writing, which is no part of the content. */
const WRITTEN_AT = 'updated_at'

/** Makes the living table equal to its copy, writing the rows that differ. Resolves with their numbers. */
export async function putInPlace (sql: Sql, { table, key, only }: Placement) {
  const columns = (await sql.query<{ name: string }>(COLUMNS, [table])).map(({ name }) => name)
  const compared = columns.filter((name) => name !== WRITTEN_AT)
  const list = (prefix: string, names: readonly string[]) => names.map((name) => `${prefix}${name}`).join(', ')
  const same = key.map((name) => `living.${name} = copy.${name}`).join(' AND ')
  const count = async (statement: string, values: unknown[] = []) =>
    (await sql.query<{ count: number }>(`WITH done AS (${statement} RETURNING 1)
      SELECT count(*)::int AS count FROM done`, values))[0]!.count
  const removed = await count(
    `DELETE FROM public.${table} living
     WHERE ${only ? `living.${only.column} = $1` : 'true'}
       AND NOT EXISTS (SELECT FROM pg_temp.${table} copy WHERE ${same})`,
    only && [only.value]
  )
  const changed = await count(
    `INSERT INTO public.${table} (${list('', columns)})
     SELECT ${list('copy.', columns)} FROM pg_temp.${table} copy LEFT JOIN public.${table} living ON ${same}
     WHERE living.${key[0]} IS NULL OR (${list('living.', compared)}) IS DISTINCT FROM (${list('copy.', compared)})
     ON CONFLICT (${list('', key)}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`
  )
  return { removed, changed }
}
