import { Type, type StaticDecode } from '@sinclair/typebox'
import { integer, origin, origins, port, url, urls } from '@gatepost/service-kit/setting-kinds'
import { accessTokenTtl, commonSettings, outboxRetentionDays } from '@gatepost/service-kit/settings'

/** The settings of the posts process; docs/environment.md is generated from them. */
export const settingsSchema = Type.Object({
  ...commonSettings,
  POSTS_PORT: port({ description: 'Where posts listens', default: '3002' }),
  POSTS_OPS_PORT: port({ description: 'Where posts serves /metrics', default: '9302' }),
  POSTS_DATABASE_URL: url({ description: 'The database of posts', schemes: ['postgres', 'postgresql'], secret: true }),
  POSTS_DATABASE_POOL: integer({
    description: 'Database connections of one posts process',
    default: '10',
    minimum: 2,
    maximum: 200
  }),
  NATS_URL: urls({
    description: 'Comma-separated NATS servers, with the credentials of posts',
    schemes: ['nats', 'tls'],
    default: 'nats://127.0.0.1:4222',
    secret: true
  }),
  AUTH_URL: origins({
    description: 'Comma-separated instances of auth, for the public keys of access tokens',
    default: 'http://127.0.0.1:3001'
  }),
  PUBLIC_URL: origin({ description: 'What clients call: the iss of the tokens', default: 'http://127.0.0.1:3000' }),
  OUTBOX_RETENTION_DAYS: outboxRetentionDays,
  ACCESS_TOKEN_TTL: accessTokenTtl
}, { title: 'posts' })

export type Settings = StaticDecode<typeof settingsSchema>
