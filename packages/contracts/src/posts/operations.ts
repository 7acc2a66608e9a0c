import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { CursorSchema, IdSchema, LimitSchema, SINGLE_LINE_PATTERN } from '../schemas.ts'
import { CreatePostBodySchema, PostPageSchema, PostSchema, UpdatePostBodySchema } from './schemas.ts'

/** RFC 9110, 8.8.3 and 5.6.1: `*`, or a list of entity tags in which elements may be empty. */
const TAG = '(W/)?"[!#-~\\u0080-\\u00ff]*"'
const EntityTagsSchema = Type.String({
  maxLength: 1024,
  pattern: `^(\\*|(,[ \\t]*)*${TAG}([ \\t]*,([ \\t]*${TAG})?)*)$`
})
const etag = { etag: 'Strong entity tag of this version' }

export const createPost = operation({
  id: 'createPost',
  service: 'posts',
  method: 'POST',
  url: '/api/posts',
  summary: 'Write a post',
  auth: 'user',
  limit: 'default',
  headers: {
    'idempotency-key': Type
      .Optional(Type.String({ pattern: '^[!-~]{1,255}$', description: 'Makes a retry safe for 24 hours' }))
  },
  body: CreatePostBodySchema,
  responses: {
    201: {
      description: 'The post',
      schema: PostSchema,
      headers: {
        location: 'Where the post is',
        ...etag,
        'idempotency-replayed': 'true when this is the answer to an earlier call with the same key'
      }
    }
  },
  errors: ['POSTS_IDEMPOTENCY_KEY_REUSED', 'POSTS_REQUEST_IN_FLIGHT']
})

export const listPosts = operation({
  id: 'listPosts',
  service: 'posts',
  method: 'GET',
  url: '/api/posts',
  summary: 'List or search posts, newest first (by rank with q)',
  auth: 'user',
  limit: 'default',
  query: {
    limit: Type.Optional(LimitSchema),
    cursor: Type.Optional(CursorSchema),
    authorId: Type.Optional(IdSchema),
    q: Type
      .Optional(Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: SINGLE_LINE_PATTERN,
        description: 'Full-text search: words, "phrases", or, -not'
      }))
  },
  responses: { 200: { description: 'One page', schema: PostPageSchema } },
  errors: ['POSTS_INVALID_CURSOR']
})

export const getPost = operation({
  id: 'getPost',
  service: 'posts',
  method: 'GET',
  url: '/api/posts/:id',
  summary: 'Read a post',
  auth: 'user',
  limit: 'default',
  params: { id: IdSchema },
  headers: { 'if-none-match': Type.Optional(EntityTagsSchema) },
  responses: {
    200: { description: 'The post', schema: PostSchema, headers: etag },
    304: { description: 'You have this version already', headers: etag }
  },
  errors: ['POSTS_POST_NOT_FOUND']
})

export const updatePost = operation({
  id: 'updatePost',
  service: 'posts',
  method: 'PATCH',
  url: '/api/posts/:id',
  summary: 'Change a post of yours',
  auth: 'user',
  limit: 'default',
  params: { id: IdSchema },
  headers: { 'if-match': Type.Optional(EntityTagsSchema) },
  body: UpdatePostBodySchema,
  responses: { 200: { description: 'The post, changed', schema: PostSchema, headers: etag } },
  errors: ['POSTS_NOT_AUTHOR', 'POSTS_POST_NOT_FOUND', 'POSTS_VERSION_MISMATCH']
})

export const deletePost = operation({
  id: 'deletePost',
  service: 'posts',
  method: 'DELETE',
  url: '/api/posts/:id',
  summary: 'Delete a post of yours',
  auth: 'user',
  limit: 'default',
  params: { id: IdSchema },
  headers: { 'if-match': Type.Optional(EntityTagsSchema) },
  responses: { 204: { description: 'Gone' } },
  errors: ['POSTS_NOT_AUTHOR', 'POSTS_POST_NOT_FOUND', 'POSTS_VERSION_MISMATCH']
})

export const postsOperations = [createPost, listPosts, getPost, updatePost, deletePost]
