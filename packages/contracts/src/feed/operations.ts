import { Type, type Static } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { ContentSchema, TitleSchema } from '../posts/schemas.ts'
import { ReadAfterSchema, readAfterAnswer } from '../read-after.ts'
import { CursorSchema, DateTimeSchema, DisplayNameSchema, IdSchema, LimitSchema, pageOf } from '../schemas.ts'

export const FeedPageSchema = pageOf(Type.Object({
  id: IdSchema,
  title: TitleSchema,
  content: ContentSchema,
  createdAt: DateTimeSchema,
  author: Type.Object({ id: IdSchema, displayName: DisplayNameSchema })
}), 'FeedPage')
export type FeedPage = Static<typeof FeedPageSchema>

export const getFeed = operation({
  id: 'getFeed',
  service: 'feed',
  method: 'GET',
  url: '/api/feed',
  summary: 'Read everybody’s posts with their authors, newest first',
  auth: 'user',
  limit: 'default',
  query: { limit: Type.Optional(LimitSchema), cursor: Type.Optional(CursorSchema) },
  headers: { 'x-after': Type.Optional(ReadAfterSchema) },
  responses: { 200: { description: 'One page', schema: FeedPageSchema, headers: readAfterAnswer } },
  errors: ['FEED_INVALID_CURSOR']
})

export const feedOperations = [getFeed]
