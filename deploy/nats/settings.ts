import { Type, type StaticDecode } from '@sinclair/typebox'
import { declarations } from '@gatepost/contracts/declarations'
import type { Prefix } from '@gatepost/contracts/service'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { integer, list, text } from '@gatepost/service-kit/setting-kinds'

const NEEDS_ROUTES = 'a comma-separated list of host:port, such as nats-0.nats:6222,nats-1.nats:6222,nats-2.nats:6222'

const listens = (description: string, byDefault: string) =>
  text({ description, default: byDefault, pattern: '^\\S+:\\d+$', needs: 'address:port' })
const password = (description: string) => text({ description, secret: true })

/** `NATS_AUTH_PASSWORD` and the like. */
const servicePasswords = Object.fromEntries(declarations.map(({ name, prefix }) =>
  [`NATS_${prefix}_PASSWORD`, password(`The password of ${name} at the broker`)]
)) as Record<`NATS_${Prefix<ServiceName>}_PASSWORD`, ReturnType<typeof password>>

/** What `deploy/nats/write-configuration.ts` reads; docs/environment.md is generated from it. */
export const brokerSettings = Type.Object({
  ...servicePasswords,
  NATS_CONSOLE_PASSWORD: Type.Optional(password('The password of the console at the broker, if there is one')),
  NATS_PROVISIONER_PASSWORD: password('The password of whoever makes the streams'),
  NATS_SUBSCRIBERS: Type.Optional(text({
    description: 'The file that lists the subscribers to the events, with their passwords'
  })),
  NATS_STORE_DIR: text({ description: 'The folder of the streams', default: '/data' }),
  NATS_STORE_BYTES: Type.Optional(integer({
    description: 'Bytes of all streams together; by default three quarters of the disk',
    minimum: 1_048_576,
    maximum: Number.MAX_SAFE_INTEGER
  })),
  NATS_LISTEN: listens('Where the server listens for clients', '0.0.0.0:4222'),
  NATS_MONITOR_LISTEN: listens('Where the server answers health checks', '127.0.0.1:8222'),
  NATS_SERVER_NAME: text({
    description: 'The name of the server, another one for each of a cluster; $NAME is read by the server itself',
    default: 'gatepost',
    pattern: '^\\$?[A-Za-z0-9_.-]+$',
    needs: 'letters, digits, and _ . -'
  }),
  NATS_CLUSTER_ROUTES: Type.Optional(list({
    description: 'All servers of the cluster; without it there is a single server',
    needs: NEEDS_ROUTES,
    check: (route) => { if (!/^[A-Za-z0-9_.[\]:-]+:\d+$/.test(route)) throw new TypeError(route) }
  })),
  NATS_CLUSTER_LISTEN: listens('Where the server listens for the others of its cluster', '0.0.0.0:6222'),
  NATS_CLUSTER_PASSWORD: Type.Optional(text({
    description: 'What the servers of a cluster show each other',
    secret: true,
    // It stands in the URLs of routes as it is.
    pattern: '^[A-Za-z0-9_.~-]+$',
    needs: 'letters, digits and _ . ~ -'
  }))
})

export type BrokerSettings = StaticDecode<typeof brokerSettings>
