import { Type, type Static } from '@sinclair/typebox'
import { operation } from '../operation.ts'
import { DateTimeSchema, DisplayNameSchema, IdSchema, NewDisplayNameSchema, nullable, strict } from '../schemas.ts'
import { SCOPES } from '../scope.ts'
import { done, HASHING_TIMEOUT_MS, noStore } from './answers.ts'
import { PasswordSchema } from './schemas.ts'

/** Seconds with nine digits after them. */
const LONGEST_TIME = 30

const ScopesSchema = Type.Array(Type.Union(SCOPES.map((scope) => Type.Literal(scope))), {
  minItems: 1,
  maxItems: SCOPES.length,
  uniqueItems: true,
  description: 'What the key may do; all scopes if absent at its creation'
})

const WINDOW_SECONDS = 86_400

/** Requests in a window that begins with the first of them; beside the limits of the user, not in their place. */
const KeyLimitSchema = strict({
  max: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
  windowSeconds: Type.Integer({ minimum: 1, maximum: WINDOW_SECONDS })
}, { description: 'How often the key may be used in a window, beside the limits of its user' })
export type KeyLimit = Static<typeof KeyLimitSchema>

const keyProperties = {
  id: IdSchema,
  name: DisplayNameSchema,
  scopes: ScopesSchema,
  createdAt: DateTimeSchema,
  expiresAt: nullable(DateTimeSchema),
  limit: nullable(KeyLimitSchema)
}

export const CreatedApiKeySchema = Type.Object({
  ...keyProperties,
  key: Type.String({ description: 'gp_…: shown this once' })
}, { title: 'CreatedApiKey' })
export type CreatedApiKey = Static<typeof CreatedApiKeySchema>

export const ApiKeyListSchema = Type.Object({
  items: Type.Array(Type.Object({
    ...keyProperties,
    lastUsedAt: Type.Union([DateTimeSchema, Type.Null()], { description: 'To the life of an access token' }),
    lastAddress: nullable(Type.String())
  }))
}, { title: 'ApiKeyList' })
export type ApiKeyList = Static<typeof ApiKeyListSchema>

export const createApiKey = operation({
  id: 'createApiKey',
  service: 'auth',
  method: 'POST',
  url: '/api/auth/keys',
  summary: 'Make a key with which a program acts as you',
  auth: 'user',
  scope: null,
  limit: 'sensitive',
  body: strict({
    name: NewDisplayNameSchema,
    scopes: Type.Optional(ScopesSchema),
    expiresAt: Type.Optional({ ...DateTimeSchema, maxLength: LONGEST_TIME }),
    limit: Type.Optional(KeyLimitSchema),
    password: Type.Optional({ ...PasswordSchema, description: 'In place of a login of the last ten minutes' })
  }, { title: 'CreateApiKeyBody' }),
  responses: { 201: { description: 'The key, shown this once', schema: CreatedApiKeySchema, headers: noStore } },
  errors: ['AUTH_LOGIN_TOO_OLD', 'AUTH_TOO_MANY_KEYS', 'AUTH_WRONG_PASSWORD', 'AUTH_TOO_MANY_ATTEMPTS', 'OVERLOADED'],
  timeoutMs: HASHING_TIMEOUT_MS
})

export const listApiKeys = operation({
  id: 'listApiKeys',
  service: 'auth',
  method: 'GET',
  url: '/api/auth/keys',
  summary: 'List your keys',
  auth: 'user',
  scope: null,
  limit: 'default',
  responses: { 200: { description: 'Your keys, newest first', schema: ApiKeyListSchema, headers: noStore } }
})

export const deleteApiKey = operation({
  id: 'deleteApiKey',
  service: 'auth',
  method: 'DELETE',
  url: '/api/auth/keys/:id',
  summary: 'Delete one of your keys; it stops working everywhere within a second',
  auth: 'user',
  scope: null,
  limit: 'default',
  params: { id: IdSchema },
  responses: done,
  errors: ['AUTH_KEY_NOT_FOUND']
})

export const keyOperations = [createApiKey, listApiKeys, deleteApiKey]

/** Where a gateway reads the access token that a key stands for, at auth. No operation: nothing outside reaches it. */
export const KEY_EXCHANGE_PATH = '/internal/key-exchange'

/** What auth answers to it. */
export const KeyExchangeSchema = Type.Object({
  accessToken: Type.String(),
  expiresIn: Type.Integer({ description: 'Seconds' }),
  limit: Type.Optional(KeyLimitSchema)
})
export type KeyExchange = Static<typeof KeyExchangeSchema>
