import type { Sql } from '@gatepost/service-kit/sql'
import type { RebuildOptions } from './options.ts'

const AT_ONCE = 5_000

/**
 * Removes rows whose aggregate the owner does not have, since its database was restored to a time before them. Their
 * positions stay: those events count as applied. Resolves with the number of rows whose owner has forgotten some of
 * their events only.
 */
export async function removeForgotten (
  sql: Sql,
  { definition, readModel: { table, living }, versionsOf }: RebuildOptions
): Promise<number> {
  let ahead = 0
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const rows = await sql.query<{ id: string, version: number }>(
      `SELECT t.id::text, i.version FROM pg_temp.${table} t
       JOIN pg_temp.inbox i ON i.consumer = $1 AND i.aggregate_id = t.id
       WHERE t.id > $2::uuid AND (${living}) ORDER BY t.id LIMIT ${AT_ONCE}`,
      [definition.name, after]
    )
    const last = rows.at(-1)
    if (!last) return ahead
    after = last.id
    const versions = await versionsOf(rows.map(({ id }) => id))
    const forgotten = rows.filter(({ id }) => !versions.has(id))
    if (forgotten.length > 0) {
      await sql.query(`DELETE FROM pg_temp.${table} WHERE id = ANY ($1::uuid[])`, [forgotten.map(({ id }) => id)])
    }
    ahead += rows.filter(({ id, version }) => version > (versions.get(id) ?? version)).length
  }
}
