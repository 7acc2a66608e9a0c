import { Type, type Static } from '@sinclair/typebox'
import { DateTimeSchema, IdSchema, MULTI_LINE_PATTERN, pageOf, SINGLE_LINE_PATTERN, strict } from '../schemas.ts'

export const TitleSchema = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: SINGLE_LINE_PATTERN,
  description: '1 to 200 code points'
})
export const ContentSchema = Type.String({
  minLength: 1,
  maxLength: 20_000,
  pattern: MULTI_LINE_PATTERN,
  description: '1 to 20000 code points'
})

export const PostSchema = Type.Object({
  id: IdSchema,
  authorId: IdSchema,
  title: TitleSchema,
  content: ContentSchema,
  version: Type.Integer({ minimum: 1 }),
  createdAt: DateTimeSchema,
  updatedAt: DateTimeSchema
}, { title: 'Post' })
export type Post = Static<typeof PostSchema>

export const PostPageSchema = pageOf(PostSchema, 'PostPage')
export type PostPage = Static<typeof PostPageSchema>

export const CreatePostBodySchema = strict({ title: TitleSchema, content: ContentSchema }, { title: 'CreatePostBody' })
export const UpdatePostBodySchema = strict(
  { title: Type.Optional(TitleSchema), content: Type.Optional(ContentSchema) },
  { title: 'UpdatePostBody', minProperties: 1 }
)
