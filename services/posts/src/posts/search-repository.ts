import type { Post } from '@gatepost/contracts/posts/schemas'
import type { Sql } from '@gatepost/service-kit/sql'
import { PLAN_EACH_TIME } from '@gatepost/service-kit/statement-names'
import { HIGHEST_ID, LOWEST_ID, POST_COLUMNS, postOf, type PostRow } from './post-row.ts'

/**
 * Only this many of the newest matches are ranked; a frequent word would otherwise cost a scan of the whole table.
 */
export const RANKED_MATCHES = 2_000

/** Where a search continues, and between which two posts it looks, so that newer posts do not shift the pages. */
export interface SearchPosition {
  rank: number
  id: string
  oldest: string
  newest: string
}

export interface Search {
  q: string
  authorId?: string
  after?: SearchPosition
  limit: number
}

const QUERY = "websearch_to_tsquery('english', $1::text)"

function searchOf ({ range, order }: { range: string, order: string }) {
  return `${PLAN_EACH_TIME} WITH
    newest AS MATERIALIZED (
      SELECT id, search FROM posts WHERE search @@ ${QUERY} AND ${range} ORDER BY ${order} LIMIT $4::int
    ),
    ranked AS MATERIALIZED (SELECT id, ts_rank(search, ${QUERY}) AS rank FROM newest),
    page AS MATERIALIZED (
      SELECT id, rank FROM ranked WHERE (rank, id) < ($5::float4, $6::uuid) ORDER BY rank DESC, id DESC LIMIT $7::int
    )
  SELECT ${POST_COLUMNS}, page.rank, (SELECT id FROM ranked ORDER BY id LIMIT 1) AS oldest,
    (SELECT id FROM ranked ORDER BY id DESC LIMIT 1) AS newest
  FROM page JOIN posts ON posts.id = page.id ORDER BY page.rank DESC, page.id DESC`
}
const SEARCH = searchOf({ range: 'id BETWEEN $2::uuid AND $3::uuid', order: 'id DESC' })
const SEARCH_OF_AUTHOR = searchOf({
  range: '(author_id, id) BETWEEN ($8::uuid, $2::uuid) AND ($8::uuid, $3::uuid)',
  order: 'author_id DESC, id DESC'
})

export const searchRepository = {
  /** The best first; among equals the newest. */
  async search (
    sql: Sql,
    { q, authorId, after, limit }: Search
  ): Promise<Array<{ post: Post, position: SearchPosition }>> {
    const { rank, id, oldest, newest } = after ??
      { rank: Infinity, id: HIGHEST_ID, oldest: LOWEST_ID, newest: HIGHEST_ID }
    const values = [q, oldest, newest, RANKED_MATCHES, String(rank), id, limit]
    const rows = await (authorId === undefined
      ? sql.query<PostRow & SearchPosition>(SEARCH, values)
      : sql.query<PostRow & SearchPosition>(SEARCH_OF_AUTHOR, [...values, authorId]))
    return rows.map((row) => ({
      post: postOf(row),
      position: { rank: row.rank, id: row.id, oldest: row.oldest, newest: row.newest }
    }))
  }
}
