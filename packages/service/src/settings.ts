import { auth } from '@gatepost/contracts/auth/service'
import { gateway } from '@gatepost/contracts/gateway/service'
import type { Prefix, ServiceDefinition } from '@gatepost/contracts/service'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { integer, origin, origins, port, url, urls } from '@gatepost/service-kit/setting-kinds'
import { accessTokenTtl, commonSettings, outboxRetentionDays } from '@gatepost/service-kit/settings'

type Port = ReturnType<typeof port>
type Url = ReturnType<typeof url>
type Integer = ReturnType<typeof integer>

type ServiceSettings<Name extends ServiceName> = typeof commonSettings &
  Record<`${Prefix<Name>}_PORT` | `${Prefix<Name>}_OPS_PORT`, Port> &
  Record<`${Prefix<Name>}_DATABASE_URL`, Url> &
  Record<`${Prefix<Name>}_DATABASE_POOL`, Integer> & { NATS_URL: ReturnType<typeof urls> }

/** The settings that every service with a database has: where it listens, its database and its broker. */
export function serviceSettings<Name extends ServiceName> (
  service: Pick<ServiceDefinition<Name>, 'name' | 'prefix' | 'port' | 'opsPort' | 'store'>
): ServiceSettings<Name> {
  const { name, prefix, port: usual, opsPort, store } = service
  return {
    ...commonSettings,
    [`${prefix}_PORT`]: port({ description: `Where ${name} listens`, default: String(usual) }),
    [`${prefix}_OPS_PORT`]: port({ description: `Where ${name} serves /metrics`, default: String(opsPort) }),
    [`${prefix}_DATABASE_URL`]: url({
      description: `The database of ${name}`,
      schemes: ['postgres', 'postgresql'],
      secret: true
    }),
    [`${prefix}_DATABASE_POOL`]: integer({
      description: `Database connections of one ${name} process`,
      default: '10',
      minimum: 2,
      maximum: 200
    }),
    NATS_URL: urls({
      description: `Comma-separated NATS servers, with the credentials of ${name}`,
      schemes: ['nats', 'tls'],
      default: 'nats://127.0.0.1:4222',
      secret: true
    }),
    ...store === 'outbox' && { OUTBOX_RETENTION_DAYS: outboxRetentionDays }
  } as unknown as ServiceSettings<Name>
}

/** The settings by which a service judges access tokens that auth has issued. */
export const tokenSettings = {
  AUTH_URL: origins({
    description: 'Comma-separated instances of auth, for the public keys of access tokens',
    default: `http://127.0.0.1:${auth.port}`
  }),
  PUBLIC_URL: origin({
    description: 'What clients call: the iss of the tokens',
    default: `http://127.0.0.1:${gateway.port}`
  }),
  ACCESS_TOKEN_TTL: accessTokenTtl
}

/** What the parts of this package read of a service's settings, whatever its name. */
export interface KnownSettings {
  port: number
  opsPort: number
  databaseUrl: string
  databasePool: number
  natsUrl: string
  /** Of a service with an outbox. */
  retentionDays: number
}

/** The settings of {@link serviceSettings}, without the service's name in theirs. */
export function knownSettings (service: { prefix: string }, settings: object): KnownSettings {
  const read = <Value>(name: string) => (settings as Record<string, Value>)[name]!
  const { prefix } = service
  return {
    port: read(`${prefix}_PORT`),
    opsPort: read(`${prefix}_OPS_PORT`),
    databaseUrl: read(`${prefix}_DATABASE_URL`),
    databasePool: read(`${prefix}_DATABASE_POOL`),
    natsUrl: read<string[]>('NATS_URL').join(','),
    retentionDays: read('OUTBOX_RETENTION_DAYS')
  }
}
