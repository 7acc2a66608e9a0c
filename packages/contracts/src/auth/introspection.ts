import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { IdSchema, RoleSchema, strict } from '../schemas.ts'
import { noStore } from './answers.ts'

const LONGEST_TOKEN = 16_384

/** RFC 7662 section 2.2: what a good token says, or that it is not active and nothing else. */
export const IntrospectionSchema = Type.Union([
  Type.Object({
    active: Type.Literal(true),
    token_type: Type.Literal('Bearer'),
    iss: Type.String(),
    aud: Type.String(),
    sub: IdSchema,
    sid: IdSchema,
    jti: IdSchema,
    role: RoleSchema,
    scope: Type.Optional(Type.String({ description: 'Of an API key’s token' })),
    iat: Type.Integer(),
    exp: Type.Integer()
  }),
  Type.Object({ active: Type.Literal(false) }, { additionalProperties: false })
], { title: 'Introspection' })

export const introspectToken = operation({
  id: 'introspectToken',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/introspect',
  summary: 'Ask whether an access token is good, as RFC 7662 says; takes a form, and a token of the asker',
  auth: 'user',
  scope: 'auth:read',
  limit: 'default',
  body: strict({
    token: Type.String({ maxLength: LONGEST_TOKEN }),
    token_type_hint: Type.Optional(Type.String({ maxLength: 64, description: 'Is not needed, and changes nothing' }))
  }, { title: 'IntrospectBody' }),
  bodyType: 'application/x-www-form-urlencoded',
  responses: {
    200: { description: 'What the token says, or that it is not active', schema: IntrospectionSchema, headers: noStore }
  }
})
