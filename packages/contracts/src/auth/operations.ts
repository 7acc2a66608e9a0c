import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { IdSchema, NewDisplayNameSchema, strict } from '../schemas.ts'
import {
  CredentialsSchema,
  EmailSchema,
  JwkSetSchema,
  OpaqueTokenSchema,
  PasswordSchema,
  SessionListSchema,
  SessionSchema,
  TokenStatusSchema,
  UserSchema
} from './schemas.ts'
import { addressOperations } from './address-operations.ts'
import { keyOperations } from './key-operations.ts'
import { listAudit, userOperations } from './user-operations.ts'

const noStore = { 'cache-control': 'no-store' }
const done = { 204: { description: 'Done' } } as const
const HASHING_TIMEOUT_MS = 15_000

export const register = operation({
  id: 'register',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/register',
  summary: 'Create an account and a first session',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ email: EmailSchema, password: PasswordSchema, displayName: NewDisplayNameSchema }, {
    title: 'RegisterBody'
  }),
  responses: {
    201: { description: 'The account and its first session', schema: SessionSchema, headers: noStore },
    202: {
      description: 'With REQUIRE_EMAIL_VERIFICATION: look into your mail',
      schema: Type.Object({ message: Type.String() }, { title: 'Accepted' })
    }
  },
  errors: ['AUTH_EMAIL_TAKEN', 'AUTH_WEAK_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

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
  errors: ['AUTH_INVALID_CREDENTIALS', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
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
  errors: ['AUTH_INVALID_REFRESH_TOKEN', 'AUTH_REFRESH_TOKEN_REUSED']
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

export const getMe = operation({
  id: 'getMe',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/me',
  summary: 'Read your own account',
  auth: 'user',
  limit: 'default',
  responses: { 200: { description: 'You', schema: UserSchema, headers: noStore } }
})

export const updateMe = operation({
  id: 'updateMe',
  service: 'auth',
  method: 'PATCH',
  url: '/api/auth/me',
  summary: 'Change your display name',
  auth: 'user',
  limit: 'default',
  body: strict({ displayName: NewDisplayNameSchema }, { title: 'UpdateMeBody' }),
  responses: { 200: { description: 'You, changed', schema: UserSchema, headers: noStore } }
})

export const deleteAccount = operation({
  id: 'deleteAccount',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/delete-account',
  summary: 'Delete your account, its sessions and posts',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({ password: PasswordSchema }, { title: 'DeleteAccountBody' }),
  responses: done,
  errors: ['AUTH_WRONG_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'AUTH_LAST_ADMIN', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const changePassword = operation({
  id: 'changePassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/change-password',
  summary: 'Change your password and end all other sessions',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({ currentPassword: PasswordSchema, newPassword: PasswordSchema }, { title: 'ChangePasswordBody' }),
  responses: done,
  errors: ['AUTH_WRONG_PASSWORD', 'AUTH_WEAK_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
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

export const forgotPassword = operation({
  id: 'forgotPassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/forgot-password',
  summary: 'Ask for a mail that lets you choose a new password',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ email: EmailSchema }, { title: 'ForgotPasswordBody' }),
  responses: { 202: { description: 'If there is such an account, a mail is on its way' } }
})

export const resetPassword = operation({
  id: 'resetPassword',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/reset-password',
  summary: 'Choose a new password with the token of the mail; ends all sessions',
  auth: 'none',
  limit: 'sensitive',
  body: strict({ token: OpaqueTokenSchema, newPassword: PasswordSchema }, { title: 'ResetPasswordBody' }),
  responses: done,
  errors: ['AUTH_INVALID_EMAIL_TOKEN', 'AUTH_WEAK_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
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

export const authOperations = [
  register,
  login,
  refreshToken,
  logout,
  validateToken,
  getMe,
  updateMe,
  deleteAccount,
  changePassword,
  listSessions,
  endSession,
  ...addressOperations,
  forgotPassword,
  resetPassword,
  ...userOperations,
  listAudit,
  ...keyOperations,
  getJwks
]
