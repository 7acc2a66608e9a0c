import { event, eventData } from '../event.ts'
import { DateTimeSchema, IdSchema } from '../schemas.ts'
import { ContentSchema, TitleSchema } from './schemas.ts'

export const postCreated = event({
  owner: 'posts',
  name: 'post-created',
  version: 1,
  summary: 'A post was written.',
  aggregate: 'post',
  aggregateId: 'postId',
  creating: true,
  erasable: true,
  data: eventData({
    postId: IdSchema,
    authorId: IdSchema,
    title: TitleSchema,
    content: ContentSchema,
    createdAt: DateTimeSchema
  })
})

export const postUpdated = event({
  owner: 'posts',
  name: 'post-updated',
  version: 1,
  summary: 'The author changed a post; the whole new text is here.',
  aggregate: 'post',
  aggregateId: 'postId',
  erasable: true,
  data: eventData({
    postId: IdSchema,
    authorId: IdSchema,
    title: TitleSchema,
    content: ContentSchema,
    updatedAt: DateTimeSchema
  })
})

export const postDeleted = event({
  owner: 'posts',
  name: 'post-deleted',
  version: 1,
  summary: 'A post is gone.',
  aggregate: 'post',
  aggregateId: 'postId',
  final: true,
  data: eventData({ postId: IdSchema, authorId: IdSchema })
})

export const postsEvents = [postCreated, postUpdated, postDeleted]
