import { originOf } from '@gatepost/local-stack/address'
import type { Env } from '@gatepost/local-stack/environment'
import type { SystemPorts } from '@gatepost/local-stack/ports'

export type { Env }

const DEFAULTS: SystemPorts = {
  gateway: 3000,
  auth: 3001,
  posts: 3002,
  feed: 3003,
  gatewayOps: 9300,
  authOps: 9301,
  postsOps: 9302,
  feedOps: 9303,
  nats: 4222,
  postgres: 54320
}

/** The variable that chooses each port. */
export const portVariables: Record<keyof SystemPorts, string> = {
  gateway: 'GATEWAY_PORT',
  auth: 'AUTH_PORT',
  posts: 'POSTS_PORT',
  feed: 'FEED_PORT',
  gatewayOps: 'GATEWAY_OPS_PORT',
  authOps: 'AUTH_OPS_PORT',
  postsOps: 'POSTS_OPS_PORT',
  feedOps: 'FEED_OPS_PORT',
  nats: 'NATS_PORT',
  postgres: 'POSTGRES_PORT'
}

/** The ports of an environment, or the usual ones. */
export function portsOf (env: Env): SystemPorts {
  const names = Object.keys(DEFAULTS) as Array<keyof SystemPorts>
  return Object.fromEntries(names.map((name) => {
    const text = env[portVariables[name]] || String(DEFAULTS[name])
    const port = Number(text)
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
      throw new Error(`${portVariables[name]} is "${text}": it needs a port, 1 to 65535`)
    }
    return [name, port]
  })) as unknown as SystemPorts
}

/** The ports that this run opens; a server that the environment names needs none. */
export function neededPorts (env: Env): Array<keyof SystemPorts> {
  const ownServers = {
    postgres: !['AUTH', 'POSTS', 'FEED'].every((name) => env[`${name}_DATABASE_URL`]),
    nats: !env.NATS_URL
  }
  return (Object.keys(DEFAULTS) as Array<keyof SystemPorts>).filter((name) =>
    ownServers[name as keyof typeof ownServers] ?? true
  )
}

/** The addresses and hints that `start` prints when everything runs. */
export function addresses (env: Env, { dataDir, milliseconds }: { dataDir: string, milliseconds: number }): string {
  const ports = portsOf(env)
  const host = env.HOST || '127.0.0.1'
  const gateway = originOf(host, ports.gateway)
  const rows = [
    ['API', gateway],
    ['API reference', `${gateway}/docs`],
    ['events', `${gateway}/docs/events`],
    ['NATS', env.NATS_URL ? 'as NATS_URL says' : `nats://127.0.0.1:${ports.nats}   (no credentials: read-only)`],
    [
      'services',
      `auth ${ports.auth}, posts ${ports.posts}, feed ${ports.feed}${host === '127.0.0.1' ? '' : `   (HOST: ${host})`}`
    ],
    [
      'metrics',
      `gateway ${ports.gatewayOps}, auth ${ports.authOps}, posts ${ports.postsOps}, feed ${ports.feedOps}   (/metrics)`
    ],
    [
      'PostgreSQL',
      neededPorts(env).includes('postgres')
        ? `127.0.0.1:${ports.postgres}   (passwords in ${dataDir}/postgres/credentials.json)`
        : 'as *_DATABASE_URL say'
    ],
    ['logs', `${dataDir}/logs`]
  ]
  return `\nGatepost is ready after ${(milliseconds / 1000).toFixed(1)} s.\n\n${
    rows.map(([name, value]) => `  ${name!.padEnd(14)} ${value}`).join('\n')
  }\n\nCtrl-C stops it.\n`
}
