import { Type, type Static } from '@sinclair/typebox'
import {
  DateTimeSchema,
  DisplayNameSchema,
  IdSchema,
  LanguageSchema,
  nullable,
  pageOf,
  RoleSchema,
  SINGLE_LINE_PATTERN,
  strict
} from '../schemas.ts'
import { SessionEndReasonSchema } from './events.ts'

/** Never part of an address: spaces, control characters, and the separators of lists of addresses. */
const NO_ADDRESS = '\\s@\\u0000-\\u001f\\u007f-\\u009f"<>(),:;\\\\\\[\\]'

/**
 * Non-ASCII addresses (RFC 6531) are fine. Verification shows whether mail arrives; this keeps out texts that cannot be
 * addresses.
 */
export const EmailSchema = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern: `^[^${NO_ADDRESS}]+@[^.${NO_ADDRESS}]+(\\.[^.${NO_ADDRESS}]+)*$`,
  description: 'Stored as given; unique by its NFC lower-cased form'
})

/**
 * Bounds only what the server is willing to read; strength (length, not common, not like the e-mail or name) is judged
 * by auth.
 */
export const PasswordSchema = Type.String({
  minLength: 1,
  maxLength: 1024,
  pattern: SINGLE_LINE_PATTERN,
  description: 'At least 8 code points, at most 1024 bytes of UTF-8; compared in NFC, never trimmed or truncated'
})

/** Any text may be asked about; it is bounded so that junk stays cheap. */
export const OpaqueTokenSchema = Type.String({ minLength: 1, maxLength: 4096, pattern: SINGLE_LINE_PATTERN })

export const UserSchema = Type.Object({
  id: IdSchema,
  email: Type.String(),
  emailVerified: Type.Boolean({ description: 'Whether its owner has confirmed the address' }),
  displayName: DisplayNameSchema,
  role: RoleSchema,
  language: nullable(LanguageSchema),
  createdAt: DateTimeSchema
}, { title: 'User' })
export type User = Static<typeof UserSchema>

export const PublicProfileSchema = Type.Object({
  id: IdSchema,
  displayName: DisplayNameSchema,
  createdAt: DateTimeSchema
}, { title: 'PublicProfile' })
export type PublicProfile = Static<typeof PublicProfileSchema>

/** What an administrator sees of a user. */
export const ManagedUserSchema = Type.Object({ ...UserSchema.properties, disabled: Type.Boolean() }, {
  title: 'ManagedUser'
})
export type ManagedUser = Static<typeof ManagedUserSchema>
export const ManagedUserPageSchema = pageOf(ManagedUserSchema, 'ManagedUserPage')

export const SessionSchema = Type.Object({
  user: UserSchema,
  accessToken: Type.String({ description: 'JWT, EdDSA or ES256, typ at+jwt' }),
  tokenType: Type.Literal('Bearer'),
  expiresIn: Type.Integer({ description: 'Seconds' }),
  refreshToken: Type.String(),
  sessionId: IdSchema
}, { title: 'Session' })
export type Session = Static<typeof SessionSchema>

export const SessionListSchema = Type.Object({
  items: Type.Array(Type.Object({
    id: IdSchema,
    createdAt: DateTimeSchema,
    lastUsedAt: DateTimeSchema,
    ipAddress: nullable(Type.String()),
    userAgent: nullable(Type.String()),
    current: Type.Boolean(),
    endedAt: nullable(DateTimeSchema),
    endReason: nullable(Type.Union([SessionEndReasonSchema, Type.Literal('expired')]))
  }))
}, { title: 'SessionList' })
export type SessionList = Static<typeof SessionListSchema>

export const TokenStatusSchema = Type.Union([
  Type.Object({
    active: Type.Literal(true),
    userId: IdSchema,
    sessionId: IdSchema,
    role: RoleSchema,
    issuedAt: DateTimeSchema,
    expiresAt: DateTimeSchema
  }),
  Type.Object({ active: Type.Literal(false) }, { additionalProperties: false })
], { title: 'TokenStatus' })
export type TokenStatus = Static<typeof TokenStatusSchema>

export const AuditPageSchema = pageOf(Type.Object({
  id: IdSchema,
  at: DateTimeSchema,
  act: Type.String({ description: 'What was done: login, login-failed, session-ended, password-changed …' }),
  userId: nullable(IdSchema),
  sessionId: nullable(IdSchema),
  ipAddress: nullable(Type.String()),
  requestId: nullable(Type.String()),
  detail: Type.Record(Type.String(), Type.String())
}), 'AuditPage')
export type AuditPage = Static<typeof AuditPageSchema>

/** What signs access tokens: Ed25519, or P-256 for verifiers that know no EdDSA. */
export const SIGNING_ALGORITHMS = ['EdDSA', 'ES256'] as const
export type SigningAlgorithm = typeof SIGNING_ALGORITHMS[number]

const jwkProperties = { x: Type.String(), kid: Type.String(), use: Type.Literal('sig') }

/** RFC 7517 with RFC 8037 and RFC 7518 keys. */
export const JwkSetSchema = Type.Object({
  keys: Type.Array(Type.Union([
    Type.Object({
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      alg: Type.Literal('EdDSA'),
      ...jwkProperties
    }),
    Type.Object({
      kty: Type.Literal('EC'),
      crv: Type.Literal('P-256'),
      alg: Type.Literal('ES256'),
      y: Type.String(),
      ...jwkProperties
    })
  ]))
}, { title: 'JwkSet' })
export type JwkSet = Static<typeof JwkSetSchema>

/** RFC 9068 access token. */
export const AccessTokenClaimsSchema = Type.Object({
  iss: Type.String(),
  aud: Type.String(),
  sub: IdSchema,
  sid: IdSchema,
  jti: IdSchema,
  role: RoleSchema,
  email_verified: Type.Optional(Type.Boolean({ description: 'Whether the user’s address is confirmed' })),
  scope: Type
    .Optional(Type.String({
      maxLength: 1_024,
      description: 'Of an API key’s token: what it may do, separated by spaces (RFC 9068)'
    })),
  iat: Type.Integer(),
  exp: Type.Integer()
}, { title: 'AccessTokenClaims' })
export type AccessTokenClaims = Static<typeof AccessTokenClaimsSchema>

export const CredentialsSchema = strict({ email: EmailSchema, password: PasswordSchema }, { title: 'Credentials' })
