import type { Connection } from '../database/database.ts'

export const deletedAuthorRepository = {
  async add (tx: Connection, { authorId, traceparent }: { authorId: string, traceparent?: string | undefined }) {
    await tx.deletedAuthor.createMany({ data: [{ authorId, traceparent: traceparent ?? null }], skipDuplicates: true })
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
