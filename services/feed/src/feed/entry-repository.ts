import type { Sql } from '@gatepost/service-kit/sql'
import type { Connection } from '../database.ts'

export interface Entry {
  id: string
  authorId: string
  title: string
  content: string
  createdAt: string
}

export interface ListedEntry {
  id: string
  title: string
  content: string
  createdAt: Date
  authorId: string
  displayName: string
}

/** Above every UUIDv7: the first page begins here. */
const NEWEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

const ADD = `INSERT INTO entries (id, author_id, title, content, created_at)
  SELECT $1::uuid, $2::uuid, $3, $4, $5::timestamptz
  WHERE NOT EXISTS (SELECT FROM authors WHERE id = $2::uuid AND deleted_at IS NOT NULL)
  ON CONFLICT (id) DO UPDATE SET author_id = excluded.author_id, title = excluded.title, content = excluded.content,
    created_at = excluded.created_at`

const LIST =
  `SELECT e.id, e.title, e.content, e.created_at AS "createdAt", e.author_id AS "authorId",
    a.display_name AS "displayName"
  FROM entries e JOIN authors a ON a.id = e.author_id
  WHERE e.id < $1::uuid AND a.display_name IS NOT NULL
  ORDER BY e.id DESC LIMIT $2::int`

/** SQL of events names no schema: a rebuild runs it over copies of the tables. */
export const entryRepository = {
  /**
   * Adds an entry, also one whose author is not known yet; the entry of an author who is gone is not taken.
   * One that is there already is written again, so that a replay from the first event ends as the first time.
   */
  async add (sql: Sql, { id, authorId, title, content, createdAt }: Entry) {
    await sql.query(ADD, [id, authorId, title, content, createdAt])
  },

  async change (sql: Sql, id: string, title: string, content: string) {
    await sql.query('UPDATE entries SET title = $2, content = $3 WHERE id = $1::uuid', [id, title, content])
  },

  async delete (sql: Sql, id: string) {
    await sql.query('DELETE FROM entries WHERE id = $1::uuid', [id])
  },

  /** Deletes at most `limit` entries of an author; answers how many. */
  deleteSome (connection: Connection, authorId: string, limit: number) {
    return connection.$executeRaw`DELETE FROM entries WHERE id = ANY (ARRAY (
      SELECT id FROM entries WHERE author_id = ${authorId}::uuid LIMIT ${limit}::int FOR UPDATE))`
  },

  /** Newest first, from before an id on: two index look-ups an entry, however far down the list it is. */
  list (sql: Sql, { before = NEWEST, limit }: { before?: string, limit: number }): Promise<ListedEntry[]> {
    return sql.query<ListedEntry>(LIST, [before, limit])
  }
}
