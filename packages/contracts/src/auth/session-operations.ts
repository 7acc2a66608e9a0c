import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { IdSchema, strict } from '../schemas.ts'
import { done, HASHING_TIMEOUT_MS, noStore } from './answers.ts'
import {
  CredentialsSchema,
  JwkSetSchema,
  OpaqueTokenSchema,
  SessionListSchema,
  SessionSchema,
  TokenStatusSchema
} from './schemas.ts'

export const login = operation({
  id: 'login',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/login',
  summary: 'Begin a session',
  auth: 'none',
  limit: 'sensitive',
  body: CredentialsSchema,
  responses: { 200: { description: 'A new session', schema: SessionSchema, headers: noStore } },
  errors: ['AUTH_INVALID_CREDENTIALS', 'AUTH_EMAIL_NOT_VERIFIED', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const refreshToken = operation({
  id: 'refreshToken',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/refresh-token',
  summary: 'Exchange a refresh token for the next pair of tokens',
  auth: 'none',
  limit: 'default',
  body: strict({ refreshToken: OpaqueTokenSchema }, { title: 'RefreshTokenBody' }),
  responses: { 200: { description: 'The same session with new tokens', schema: SessionSchema, headers: noStore } },
  errors: ['AUTH_INVALID_REFRESH_TOKEN', 'AUTH_REFRESH_TOKEN_REUSED', 'AUTH_EMAIL_NOT_VERIFIED']
})

export const logout = operation({
  id: 'logout',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/logout',
  summary: 'End this session, the others, or all of them',
  auth: 'optional',
  scope: null,
  limit: 'default',
  query: {
    scope: Type
      .Optional(Type.Union([Type.Literal('local'), Type.Literal('others'), Type.Literal('all')], { default: 'local' }))
  },
  body: strict({ refreshToken: Type.Optional(OpaqueTokenSchema) }, { title: 'LogoutBody' }),
  bodyOptional: true,
  responses: done,
  errors: ['TOKEN_REQUIRED', 'TOKEN_INVALID', 'AUTH_INVALID_REFRESH_TOKEN', 'AUTH_REFRESH_TOKEN_REUSED']
})

export const validateToken = operation({
  id: 'validateToken',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/validate-token',
  summary: 'Ask whether an access token is good',
  auth: 'none',
  limit: 'default',
  body: strict({ token: Type.String({ maxLength: 65_536 }) }, { title: 'ValidateTokenBody' }),
  responses: {
    200: { description: 'What the token says, or that it is not active', schema: TokenStatusSchema, headers: noStore }
  }
})

export const listSessions = operation({
  id: 'listSessions',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/sessions',
  summary: 'List your sessions',
  auth: 'user',
  scope: null,
  limit: 'default',
  query: {
    ended: Type
      .Optional(Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description: 'true: the ended ones of the last 30 days'
      }))
  },
  responses: {
    200: { description: 'Your sessions, the latest used first', schema: SessionListSchema, headers: noStore }
  }
})

export const endSession = operation({
  id: 'endSession',
  service: 'auth',
  method: 'DELETE',
  url: '/api/auth/sessions/:id',
  summary: 'End one of your sessions',
  auth: 'user',
  scope: null,
  limit: 'default',
  params: { id: IdSchema },
  responses: done,
  errors: ['AUTH_SESSION_NOT_FOUND']
})

export const getJwks = operation({
  id: 'getJwks',
  service: 'auth',
  method: 'GET',
  url: '/.well-known/jwks.json',
  summary: 'The keys that verify access tokens',
  auth: 'none',
  limit: 'none',
  responses: {
    200: { description: 'JWK Set', schema: JwkSetSchema, headers: { 'cache-control': 'public, max-age=15' } }
  }
})

export const sessionOperations = [
  login,
  refreshToken,
  logout,
  validateToken,
  listSessions,
  endSession,
  getJwks
]
