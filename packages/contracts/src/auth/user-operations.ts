import { Type } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { CursorSchema, IdSchema, LimitSchema, RoleSchema, strict } from '../schemas.ts'
import { AuditPageSchema, ManagedUserPageSchema, ManagedUserSchema, PublicProfileSchema } from './schemas.ts'

const noStore = { 'cache-control': 'no-store' }

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
  summary: 'List all users (administrators)',
  auth: 'admin',
  limit: 'default',
  query: { limit: Type.Optional(LimitSchema), cursor: Type.Optional(CursorSchema) },
  responses: { 200: { description: 'A page of users, newest first', schema: ManagedUserPageSchema, headers: noStore } }
})

export const manageUser = operation({
  id: 'manageUser',
  service: 'auth',
  method: 'PATCH',
  url: '/api/auth/users/:id',
  summary: 'Disable or enable a user, or change the role (administrators)',
  auth: 'admin',
  limit: 'default',
  params: { id: IdSchema },
  body: strict({ role: Type.Optional(RoleSchema), disabled: Type.Optional(Type.Boolean()) }, { title: 'ManageUserBody', minProperties: 1 }),
  responses: { 200: { description: 'The user, changed', schema: ManagedUserSchema, headers: noStore } },
  errors: ['AUTH_USER_NOT_FOUND', 'AUTH_LAST_ADMIN']
})

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
