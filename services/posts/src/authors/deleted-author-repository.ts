import type { Sql } from '@gatepost/service-kit/sql'
import type { Connection } from '../database.ts'

const ADD = 'INSERT INTO deleted_authors (author_id, traceparent) VALUES ($1::uuid, $2::text) ON CONFLICT DO NOTHING'

export const deletedAuthorRepository = {
  async add (sql: Sql, { authorId, traceparent }: { authorId: string, traceparent?: string | undefined }) {
    await sql.query(ADD, [authorId, traceparent ?? null])
  },

  /** Who left and may still have posts, the longest ago first. */
  listUnfinished (connection: Connection, limit: number) {
    return connection.deletedAuthor.findMany({ where: { erasedAt: null }, orderBy: { deletedAt: 'asc' }, take: limit })
  },

  async finish (connection: Connection, authorId: string) {
    await connection.deletedAuthor.update({ where: { authorId }, data: { erasedAt: new Date() } })
  },

  async deleteKeys (connection: Connection, authorId: string) {
    await connection.idempotencyKey.deleteMany({ where: { userId: authorId } })
  }
}
