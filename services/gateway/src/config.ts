import { Type, type StaticDecode } from '@sinclair/typebox'
import { type UpstreamName, upstreams } from '@gatepost/contracts/declarations'
import { gateway } from '@gatepost/contracts/gateway/service'
import type { Prefix } from '@gatepost/contracts/service'
import { trustedProxies } from '@gatepost/service-kit/client-address'
import { duration, integer, list, origin, origins, port, url, urls } from '@gatepost/service-kit/setting-kinds'
import { accessTokenTtl, commonSettings, SettingsError } from '@gatepost/service-kit/settings'
import { checkOrigin } from './cross-origin/allowed-origins.ts'

/** `AUTH_URL` and the like: where the services are that the gateway forwards to. */
const upstreamSettings = Object.fromEntries(upstreams.map(({ name, prefix, port }) => [
  `${prefix}_URL`,
  origins({
    description: `The instances of the ${name} service; several are load-balanced`,
    default: `http://127.0.0.1:${port}`
  })
])) as Record<`${Prefix<UpstreamName>}_URL`, ReturnType<typeof origins>>

/** The settings of the gateway; docs/environment.md and .env.example are generated from here. */
export const settingsSchema = Type.Object({
  ...commonSettings,
  GATEWAY_PORT: port({ description: 'The port of the public API', default: String(gateway.port) }),
  GATEWAY_OPS_PORT: port({ description: 'The port of the gateway’s metrics', default: String(gateway.opsPort) }),
  GATEWAY_WORKERS: integer({
    description:
      'Processes that share GATEWAY_PORT, for a machine with as many cores to spare; more than one need REDIS_URL',
    default: '1',
    minimum: 1,
    maximum: 64
  }),
  ...upstreamSettings,
  NATS_URL: urls({
    description: 'The NATS servers; may carry user:password@',
    default: 'nats://127.0.0.1:4222',
    secret: true,
    schemes: ['nats', 'tls']
  }),
  REDIS_URL: Type
    .Optional(url({
      description: 'Where gateways share their rate-limit counters; without it each counts in its own memory',
      secret: true,
      schemes: ['redis', 'rediss']
    })),
  TRACES_PER_SECOND: Type
    .Optional(integer({
      description: 'Requests a second whose spans are exported, by each gateway; all without it',
      minimum: 1,
      maximum: 1_000_000
    })),
  RATE_LIMIT_MAX: integer({
    description: 'Requests of one client address over all of /api in one window',
    default: '10',
    minimum: 1,
    maximum: 1_000_000_000
  }),
  RATE_LIMIT_WINDOW: duration({ description: 'The window of RATE_LIMIT_MAX', default: '1 second' }),
  SENSITIVE_RATE_LIMIT_MAX: integer({
    description: 'Requests of one client address over register, login and password endpoints together in one window',
    default: '50',
    minimum: 1,
    maximum: 1_000_000_000
  }),
  SENSITIVE_RATE_LIMIT_WINDOW: duration({
    description: 'The window of SENSITIVE_RATE_LIMIT_MAX',
    default: '15 minutes'
  }),
  USER_RATE_LIMIT_MAX: Type
    .Optional(integer({
      description:
        'Requests of one user over all of /api in one window, from however many addresses; without it five times ' +
        'what RATE_LIMIT_MAX lets one address send in that time',
      minimum: 1,
      maximum: 1_000_000_000
    })),
  USER_RATE_LIMIT_WINDOW: duration({ description: 'The window of USER_RATE_LIMIT_MAX', default: '1 minute' }),
  TRUSTED_PROXIES: Type
    .Optional(trustedProxies({ description: 'Proxies whose X-Forwarded-* is believed; by auth loopback too' })),
  CORS_ORIGINS: Type.Optional(list({
    description: 'Origins whose pages may call the API, `*.` for one label; none but its own without it',
    needs:
      'a comma-separated list of origins such as https://app.example.org, https://*.example.org or ' +
      'capacitor://localhost',
    check: checkOrigin
  })),
  CORS_HEADERS: Type.Optional(list({
    description: 'Request headers that those pages may send beside the API’s own, such as baggage and sentry-trace',
    needs: 'a comma-separated list of header names',
    check: checkHeaderName
  })),
  BODY_LIMIT: integer({
    description: 'Bytes of a request body; more is 413. An operation whose schema allows less takes less',
    default: '1048576',
    minimum: 1024,
    maximum: 104_857_600
  }),
  ACCESS_TOKEN_TTL: accessTokenTtl,
  PUBLIC_URL: origin({
    description: 'The origin that clients call: the issuer of tokens and the base of links',
    default: 'http://127.0.0.1:3000'
  })
})

export type Settings = StaticDecode<typeof settingsSchema>

/**
 * How many processes serve. Several count their limits in Redis, as several gateways do: a limit is exact or refused.
 */
export function workersOf ({ GATEWAY_WORKERS, REDIS_URL }: Settings): number {
  if (GATEWAY_WORKERS > 1 && REDIS_URL === undefined) {
    const remedy = 'several workers share rate limits through Redis; set REDIS_URL, or GATEWAY_WORKERS=1'
    throw new SettingsError(`GATEWAY_WORKERS is ${GATEWAY_WORKERS}: ${remedy}`)
  }
  return GATEWAY_WORKERS
}

function checkHeaderName (item: string) {
  if (!/^[!#$%&'+.^_`|~0-9A-Za-z-]+$/.test(item)) throw new TypeError(item)
}
