import type { Connection } from '../database/database.ts'

export const authorRepository = {
  /** Takes the name of an author, unless the author is gone: a late event brings nobody back. */
  async setName (tx: Connection, id: string, displayName: string) {
    await tx.$executeRaw`
      INSERT INTO authors (id, display_name) VALUES (${id}::uuid, ${displayName})
      ON CONFLICT (id) DO UPDATE SET display_name = excluded.display_name WHERE authors.deleted_at IS NULL`
  },

  /** Forgets the name, remembers that the author is gone, and has the eraser look (again). */
  async markDeleted (tx: Connection, id: string) {
    await tx.$executeRaw`
      INSERT INTO authors (id, deleted_at) VALUES (${id}::uuid, now())
      ON CONFLICT (id) DO UPDATE SET display_name = NULL, deleted_at = now(), erased_at = NULL`
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
