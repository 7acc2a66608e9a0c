import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import {
  CursorSchema,
  IdSchema,
  LanguageSchema,
  LimitSchema,
  NewDisplayNameSchema,
  RoleSchema,
  SINGLE_LINE_PATTERN,
  strict
} from '../schemas.ts'
import { done, HASHING_TIMEOUT_MS, noStore } from './answers.ts'
import {
  AuditPageSchema,
  EmailSchema,
  ManagedUserPageSchema,
  ManagedUserSchema,
  PasswordSchema,
  PublicProfileSchema
} from './schemas.ts'

export const getUser = operation({
  id: 'getUser',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/users/:id',
  summary: 'Read a public profile',
  auth: 'user',
  limit: 'default',
  params: { id: IdSchema },
  responses: { 200: { description: 'The profile', schema: PublicProfileSchema } },
  errors: ['AUTH_USER_NOT_FOUND']
})

export const listUsers = operation({
  id: 'listUsers',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/users',
  summary: 'List or search all users (administrators)',
  auth: 'admin',
  limit: 'default',
  query: {
    limit: Type.Optional(LimitSchema),
    cursor: Type.Optional(CursorSchema),
    q: Type.Optional(Type.String({
      minLength: 1,
      maxLength: 254,
      pattern: SINGLE_LINE_PATTERN,
      description: 'The beginning of an e-mail address, or of words of a name'
    }))
  },
  responses: { 200: { description: 'A page of users, newest first', schema: ManagedUserPageSchema, headers: noStore } }
})

export const manageUser = operation({
  id: 'manageUser',
  service: 'auth',
  method: 'PATCH',
  url: '/api/auth/users/:id',
  summary: 'Disable or enable a user, change the role, or confirm the address (administrators)',
  auth: 'admin',
  limit: 'default',
  params: { id: IdSchema },
  body: strict({
    role: Type.Optional(RoleSchema),
    disabled: Type.Optional(Type.Boolean()),
    emailVerified: Type.Optional(Type.Literal(true))
  }, { title: 'ManageUserBody', minProperties: 1 }),
  responses: { 200: { description: 'The user, changed', schema: ManagedUserSchema, headers: noStore } },
  errors: ['AUTH_USER_NOT_FOUND', 'AUTH_LAST_ADMIN']
})

export const createUser = operation({
  id: 'createUser',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/users',
  summary: 'Create an account, or invite somebody to one (administrators)',
  auth: 'admin',
  limit: 'default',
  body: strict({
    email: EmailSchema,
    displayName: NewDisplayNameSchema,
    role: Type.Optional(RoleSchema),
    language: Type.Optional(LanguageSchema),
    password: Type.Optional({ ...PasswordSchema, description: 'Without one, a mail invites the user to choose it' })
  }, { title: 'CreateUserBody' }),
  responses: { 201: { description: 'The user', schema: ManagedUserSchema, headers: noStore } },
  errors: ['AUTH_EMAIL_TAKEN', 'AUTH_WEAK_PASSWORD', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

const onUser = {
  service: 'auth',
  auth: 'admin',
  limit: 'default',
  params: { id: IdSchema },
  responses: done
} as const

export const deleteUser = operation({
  ...onUser,
  id: 'deleteUser',
  method: 'DELETE',
  url: '/api/auth/users/:id',
  summary: 'Delete an account, its sessions and posts (administrators)',
  errors: ['AUTH_USER_NOT_FOUND', 'AUTH_LAST_ADMIN']
})

export const endUserSessions = operation({
  ...onUser,
  scope: null,
  id: 'endUserSessions',
  method: 'POST',
  url: '/api/auth/users/:id/end-sessions',
  summary: 'End all sessions and keys of a user (administrators)',
  errors: ['AUTH_USER_NOT_FOUND']
})

export const endUserSession = operation({
  ...onUser,
  scope: null,
  id: 'endUserSession',
  method: 'DELETE',
  url: '/api/auth/users/:id/sessions/:sessionId',
  params: { id: IdSchema, sessionId: IdSchema },
  summary: 'End one session of a user (administrators)',
  errors: ['AUTH_USER_NOT_FOUND', 'AUTH_SESSION_NOT_FOUND']
})

export const forceReset = operation({
  ...onUser,
  scope: null,
  id: 'forceReset',
  method: 'POST',
  url: '/api/auth/users/:id/force-reset',
  summary: 'End a user’s password and sessions, and mail a link to a new one (administrators)',
  errors: ['AUTH_USER_NOT_FOUND']
})

export const userOperations = [
  getUser,
  listUsers,
  createUser,
  manageUser,
  deleteUser,
  endUserSessions,
  endUserSession,
  forceReset
]

export const listAudit = operation({
  id: 'listAudit',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/audit',
  summary: 'Read your audit trail; administrators read everybody’s',
  auth: 'user',
  limit: 'default',
  query: { limit: Type.Optional(LimitSchema), cursor: Type.Optional(CursorSchema), userId: Type.Optional(IdSchema) },
  responses: { 200: { description: 'A page of acts, newest first', schema: AuditPageSchema, headers: noStore } }
})
