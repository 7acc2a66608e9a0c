import { Prisma } from '../../generated/client.ts'
import type { Connection } from '../database/database.ts'
import { accountColumns, type ManagedAccount } from './account.ts'
import { emailKey } from './email-key.ts'
import { managed } from './user-repository.ts'

const managedColumns = Prisma.raw(`${accountColumns('users')}, disabled_at AS "disabledAt"`)
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** Users as administrators page through them, newest first. */
export const userListRepository = {
  async list (connection: Connection, { before, limit }: { before?: string, limit: number }) {
    const rows = await connection.user.findMany({
      where: { deletedAt: null, ...before && { id: { lt: before } } },
      select: managed,
      orderBy: { id: 'desc' },
      take: limit
    })
    return rows.map((row) => ({ ...row, emailVerified: row.emailVerifiedAt !== null })) as ManagedAccount[]
  },

  /** Users whose address begins with the text, or whose name has words that begin with its words; newest first. */
  search (connection: Connection, text: string, { before = LAST_ID, limit }: { before?: string, limit: number }) {
    const words = text.normalize('NFC').toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
    const beginnings = words.map((word) => `${word}:*`).join(' & ')
    const address = emailKey(text)
    // Each half goes by its own index, whatever the statistics say.
    return connection.$queryRaw<ManagedAccount[]>`
      WITH found AS MATERIALIZED (
        SELECT id FROM users
        WHERE deleted_at IS NULL AND email_key ~>=~ ${address} AND email_key ~<~ ${`${address}\u{10ffff}`}
        UNION SELECT id FROM users
        WHERE deleted_at IS NULL AND to_tsvector('simple', display_name) @@ to_tsquery('simple', ${beginnings}))
      SELECT ${managedColumns} FROM users JOIN found USING (id) WHERE users.id < ${before}::uuid
      ORDER BY users.id DESC LIMIT ${limit}::int`
  }
}
