import { Type, type Static } from '@sinclair/typebox'
import { ApiKeyListSchema } from '../auth/key-operations.ts'
import { AuditPageSchema, PublicProfileSchema, SessionListSchema, UserSchema } from '../auth/schemas.ts'
import { operation } from '../operation.ts'
import { PostPageSchema } from '../posts/schemas.ts'
import { DateTimeSchema, IdSchema, nullable } from '../schemas.ts'

const open = { service: 'gateway', method: 'GET', auth: 'none', limit: 'none' } as const

export const UserOverviewSchema = Type.Object({
  user: nullable(PublicProfileSchema),
  posts: nullable(PostPageSchema),
  incomplete: Type.Array(Type.Union([Type.Literal('user'), Type.Literal('posts')]), {
    description: 'The parts that could not be had now'
  })
}, { title: 'UserOverview' })
export type UserOverview = Static<typeof UserOverviewSchema>

export const ExportSchema = Type.Object({
  exportedAt: DateTimeSchema,
  user: UserSchema,
  sessions: SessionListSchema.properties.items,
  endedSessions: SessionListSchema.properties.items,
  keys: ApiKeyListSchema.properties.items,
  audit: AuditPageSchema.properties.items,
  posts: PostPageSchema.properties.items
}, { title: 'Export' })

export const getUserOverview = operation({
  id: 'getUserOverview',
  service: 'gateway',
  method: 'GET',
  url: '/api/users/:id/overview',
  summary: 'A user and the latest posts in one call',
  auth: 'user',
  scope: 'posts:read',
  limit: 'default',
  params: { id: IdSchema },
  responses: { 200: { description: 'What could be had; incomplete names the rest', schema: UserOverviewSchema } },
  errors: ['AUTH_USER_NOT_FOUND'],
  timeoutMs: 3_000
})

export const exportMe = operation({
  id: 'exportMe',
  service: 'gateway',
  method: 'GET',
  url: '/api/auth/me/export',
  summary: 'Everything that all services hold of you, as one document',
  auth: 'user',
  scope: null,
  limit: 'default',
  responses: {
    200: {
      description: 'Your account, sessions, keys, audit trail and posts',
      schema: ExportSchema,
      headers: { 'cache-control': 'no-store', 'content-disposition': 'A file name' }
    }
  },
  errors: ['OVERLOADED']
})

export const streamEvents = operation({
  id: 'streamEvents',
  service: 'gateway',
  method: 'GET',
  url: '/api/events',
  summary: 'Follow posts, and your own sessions, as they happen (Server-Sent Events)',
  auth: 'user',
  limit: 'default',
  headers: {
    'last-event-id': Type
      .Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: 'Resume after this stream sequence' }))
  },
  responses: {
    200: {
      description: 'event is the CloudEvent type, data the CloudEvent, id the stream sequence',
      contentType: 'text/event-stream',
      schema: Type.String()
    }
  },
  errors: ['OVERLOADED']
})

const Path = Type.String({ description: 'A path here' })
export const IndexSchema = Type.Object({
  name: Type.String(),
  version: Type.String(),
  docs: Path,
  openapi: Path,
  asyncapi: Path,
  health: Path
}, { title: 'Index' })

export const getIndex = operation({
  ...open,
  id: 'getIndex',
  url: '/',
  summary: 'Where to find what; a browser is led to the API reference',
  responses: {
    200: { description: 'For programs', schema: IndexSchema, headers: { vary: 'Accept' } },
    303: { description: 'For a client that prefers text/html', headers: { location: '/docs', vary: 'Accept' } }
  }
})

const HealthSchema = Type.Object({
  status: Type.Union([Type.Literal('up'), Type.Literal('degraded'), Type.Literal('down')]),
  checks: Type.Record(Type.String(), Type.Object({ status: Type.String(), detail: Type.Optional(Type.String()) }))
}, { title: 'Health' })
export type Health = Static<typeof HealthSchema>

export const getLive = operation({
  ...open,
  id: 'getLive',
  url: '/live',
  summary: 'Whether the process runs',
  responses: { 200: { description: 'It does', schema: Type.Object({ status: Type.Literal('up') }) } }
})

export const getReady = operation({
  ...open,
  id: 'getReady',
  url: '/ready',
  summary: 'Whether requests should be sent here, check by check',
  responses: { 200: { description: 'Yes', schema: HealthSchema }, 503: { description: 'No', schema: HealthSchema } }
})

export const getOpenApi = operation({
  ...open,
  id: 'getOpenApi',
  url: '/openapi.json',
  summary: 'This API as OpenAPI 3.1',
  responses: { 200: { description: 'OpenAPI document', schema: Type.Unknown() } }
})

export const getAsyncApi = operation({
  ...open,
  id: 'getAsyncApi',
  url: '/asyncapi.json',
  summary: 'The events as AsyncAPI 3.0',
  responses: { 200: { description: 'AsyncAPI document', schema: Type.Unknown() } }
})

const page = (description: string) => ({ 200: { description, contentType: 'text/html', schema: Type.String() } })

export const getDocs = operation({
  ...open,
  id: 'getDocs',
  url: '/docs',
  summary: 'The API reference',
  responses: page('HTML')
})
export const getEventDocs = operation({
  ...open,
  id: 'getEventDocs',
  url: '/docs/events',
  summary: 'The event reference',
  responses: page('HTML')
})
export const getProblem = operation({
  ...open,
  id: 'getProblem',
  url: '/problems/:code',
  summary: 'What a problem code means',
  params: { code: Type.String({ maxLength: 64 }) },
  responses: page('HTML')
})

export const gatewayOperations = [
  getIndex,
  getUserOverview,
  exportMe,
  streamEvents,
  getLive,
  getReady,
  getOpenApi,
  getAsyncApi,
  getDocs,
  getEventDocs,
  getProblem
]
