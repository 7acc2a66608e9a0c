import type { Post } from '@gatepost/contracts/posts/schemas'

/** A post as the database has it. */
export interface PostRow {
  id: string
  authorId: string
  title: string
  content: string
  version: number
  createdAt: Date
  updatedAt: Date
}

/** No id of ours is as high. */
export const HIGHEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'
/** No id of ours is as low. */
export const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

export const POST_COLUMNS = `posts.id, posts.author_id AS "authorId", posts.title, posts.content, posts.version,
  posts.created_at AS "createdAt", posts.updated_at AS "updatedAt"`

export function postOf ({ id, authorId, title, content, version, createdAt, updatedAt }: PostRow): Post {
  return {
    id,
    authorId,
    title,
    content,
    version,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString()
  }
}
