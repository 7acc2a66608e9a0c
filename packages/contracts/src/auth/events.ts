import { Type } from '@sinclair/typebox'
import { event, eventData } from '../event.ts'
import { DateTimeSchema, DisplayNameSchema, IdSchema } from '../schemas.ts'

export const userRegistered = event({
  owner: 'auth',
  name: 'user-registered',
  version: 1,
  summary: 'Somebody has an account.',
  aggregate: 'user',
  aggregateId: 'userId',
  creating: true,
  erasable: true,
  data: eventData({ userId: IdSchema, displayName: DisplayNameSchema, registeredAt: DateTimeSchema })
})

export const userUpdated = event({
  owner: 'auth',
  name: 'user-updated',
  version: 1,
  summary: 'A user changed the public profile.',
  aggregate: 'user',
  aggregateId: 'userId',
  erasable: true,
  data: eventData({ userId: IdSchema, displayName: DisplayNameSchema })
})

export const userDeleted = event({
  owner: 'auth',
  name: 'user-deleted',
  version: 1,
  summary: 'A user deleted the account; everything of theirs is to be forgotten.',
  aggregate: 'user',
  aggregateId: 'userId',
  final: true,
  data: eventData({ userId: IdSchema })
})

export const SESSION_END_REASONS = [
  'logout',
  'ended',
  'refresh-token-reused',
  'password-changed',
  'password-reset',
  'account-deleted',
  'disabled',
  'role-changed',
  'too-many'
] as const
export const SessionEndReasonSchema = Type.Union(SESSION_END_REASONS.map((reason) => Type.Literal(reason)))

export const sessionRevoked = event({
  owner: 'auth',
  name: 'session-revoked',
  version: 1,
  summary: 'A session ended before its time; its access tokens are no longer good anywhere.',
  aggregate: 'session',
  aggregateId: 'sessionId',
  final: true,
  data: eventData({
    sessionId: IdSchema,
    userId: IdSchema,
    reason: SessionEndReasonSchema,
    expiresAt: Type.String({ ...DateTimeSchema, description: 'When the last access token of the session dies' })
  })
})

export const authEvents = [userRegistered, userUpdated, userDeleted, sessionRevoked]
