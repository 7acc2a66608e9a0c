import type { Post } from '@gatepost/contracts/posts/schemas'
import type { Sql } from '@gatepost/service-kit/sql'
import { PLAN_EACH_TIME } from '@gatepost/service-kit/statement-names'
import { HIGHEST_ID, LOWEST_ID, POST_COLUMNS, postOf, type PostRow } from './post-row.ts'

/** The user who asks for a change, and the versions that it may be made to; null is any. */
export interface ChangeGuard {
  id: string
  userId: string
  versions: number[] | null
}

/** The post as found under its row's lock; `changed` is false when the guard refused. */
export interface Attempt {
  changed: boolean
  authorId: string
  versionFound: number
}

const FIND = `SELECT ${POST_COLUMNS} FROM posts WHERE id = $1::uuid`
const LIST = `SELECT ${POST_COLUMNS} FROM posts WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::int`
/*
 * Compared and ordered by both columns of its index. With `author_id = … ORDER BY id` the planner may walk down the
 * primary key until it has met enough posts of the author, which takes minutes for an author of many old posts.
 */
const LIST_OF_AUTHOR = `SELECT ${POST_COLUMNS} FROM posts
  WHERE (author_id, id) < ($3::uuid, $1::uuid) AND (author_id, id) > ($3::uuid, '${LOWEST_ID}')
  ORDER BY author_id DESC, id DESC LIMIT $2::int`

/*
 * The conditions are on `target`, never on `posts`: after a wait for the lock `target` is the current row, while the
 * scan of `posts` still sees the row of the statement's start.
 */
const LOCKED = `WITH target AS MATERIALIZED (
    SELECT id, author_id, title, content, version, created_at, updated_at FROM posts WHERE id = $1::uuid FOR UPDATE
  )`
const VERSION_ALLOWED = '($3::int[] IS NULL OR target.version = ANY ($3::int[]))'
const UPDATE = `${LOCKED},
  wanted AS (SELECT id, coalesce($4::text, title) AS title, coalesce($5::text, content) AS content FROM target),
  changed AS (
    UPDATE posts
    SET title = wanted.title, content = wanted.content, version = target.version + 1, updated_at = $6::timestamptz
    FROM target, wanted
    WHERE posts.id = target.id AND target.author_id = $2::uuid AND ${VERSION_ALLOWED}
      AND (target.title, target.content) IS DISTINCT FROM (wanted.title, wanted.content)
    RETURNING posts.id, posts.title, posts.content, posts.version, posts.updated_at
  )
  SELECT changed.id IS NOT NULL AS changed, target.version AS "versionFound", target.id, target.author_id AS "authorId",
    coalesce(changed.title, target.title) AS title, coalesce(changed.content, target.content) AS content,
    coalesce(changed.version, target.version) AS version, target.created_at AS "createdAt",
    coalesce(changed.updated_at, target.updated_at) AS "updatedAt"
  FROM target LEFT JOIN changed ON true`
const DELETE = `${LOCKED},
  gone AS (
    DELETE FROM posts USING target
    WHERE posts.id = target.id AND (target.author_id = $2::uuid OR $4::boolean) AND ${VERSION_ALLOWED}
    RETURNING posts.id
  )
  SELECT EXISTS (SELECT FROM gone) AS changed, author_id AS "authorId", version AS "versionFound" FROM target`
const DELETE_SOME = `${PLAN_EACH_TIME} WITH batch AS MATERIALIZED (
    SELECT id FROM posts WHERE (author_id, id) BETWEEN ($1::uuid, '${LOWEST_ID}') AND ($1::uuid, '${HIGHEST_ID}')
    ORDER BY author_id, id LIMIT $2::int FOR UPDATE
  )
  DELETE FROM posts USING batch WHERE posts.id = batch.id RETURNING posts.id, posts.version`

export const postRepository = {
  async find (sql: Sql, id: string): Promise<Post | undefined> {
    const [row] = await sql.query<PostRow>(FIND, [id])
    return row && postOf(row)
  },

  /** Newest first, after the post with the id `before`. */
  async list (
    sql: Sql,
    { authorId, before = HIGHEST_ID, limit }: { authorId?: string, before?: string, limit: number }
  ): Promise<Post[]> {
    const rows = await (authorId === undefined
      ? sql.query<PostRow>(LIST, [before, limit])
      : sql.query<PostRow>(LIST_OF_AUTHOR, [before, limit, authorId]))
    return rows.map(postOf)
  },

  /** Changes the post if it is the user's, has an allowed version, and would be another one afterwards. */
  async update (
    sql: Sql,
    { id, userId, versions }: ChangeGuard,
    { title, content, now }: { title?: string, content?: string, now: Date }
  ) {
    const [row] = await sql.query<PostRow & Attempt>(UPDATE, [
      id,
      userId,
      versions,
      title ?? null,
      content ?? null,
      now.toISOString()
    ])
    return row && { changed: row.changed, authorId: row.authorId, versionFound: row.versionFound, post: postOf(row) }
  },

  /** Deletes the post if it is the user's (or `anyAuthor`) and has an allowed version. */
  async delete (sql: Sql, { id, userId, versions }: ChangeGuard, { anyAuthor }: { anyAuthor: boolean }) {
    const [row] = await sql.query<Attempt>(DELETE, [id, userId, versions, anyAuthor])
    return row
  },

  deleteSome (sql: Sql, { authorId, limit }: { authorId: string, limit: number }) {
    return sql.query<{ id: string, version: number }>(DELETE_SOME, [authorId, limit])
  }
}
