import type { Sql } from '@gatepost/service-kit/sql'
import type { Connection } from '../database.ts'

const SET_NAME = `INSERT INTO authors (id, display_name) VALUES ($1::uuid, $2)
  ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name WHERE authors.deleted_at IS NULL`
const MARK_DELETED = `INSERT INTO authors (id, deleted_at) VALUES ($1::uuid, now())
  ON CONFLICT (id) DO UPDATE SET display_name = NULL, deleted_at = now(), erased_at = NULL`

/** SQL of events names no schema: a rebuild runs it over copies of the tables. */
export const authorRepository = {
  /** Takes the name of an author, unless the author is gone: a late event brings nobody back. */
  async setName (sql: Sql, id: string, displayName: string) {
    await sql.query(SET_NAME, [id, displayName])
  },

  /** Forgets the name, remembers that the author is gone, and has the eraser look (again). */
  async markDeleted (sql: Sql, id: string) {
    await sql.query(MARK_DELETED, [id])
  },

  /** Who is gone and may still have entries. */
  listUnfinished (connection: Connection, limit: number) {
    return connection.author.findMany({
      where: { deletedAt: { not: null }, erasedAt: null },
      orderBy: { deletedAt: 'asc' },
      take: limit
    })
  },

  async finish (connection: Connection, id: string) {
    await connection.author.update({ where: { id }, data: { erasedAt: new Date() } })
  }
}
