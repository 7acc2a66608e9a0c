import { databaseOwners, declarations, upstreams } from '@gatepost/contracts/declarations'
import { originOf } from '@gatepost/local-stack/address'
import type { Env } from '@gatepost/local-stack/environment'
import { type PortName, type SystemPorts, USUAL_PORTS } from '@gatepost/local-stack/ports'

export type { Env }

/** The variable that chooses each port. */
export const portVariables = Object.fromEntries([
  ...declarations.map(({ name, prefix }) => [name, `${prefix}_PORT`]),
  ...declarations.map(({ name, prefix }) => [`${name}Ops`, `${prefix}_OPS_PORT`]),
  ['console', 'CONSOLE_PORT'],
  ['consoleOps', 'CONSOLE_OPS_PORT'],
  ['nats', 'NATS_PORT'],
  ['postgres', 'POSTGRES_PORT']
]) as Record<PortName, string>

const names = Object.keys(USUAL_PORTS) as PortName[]

/** The ports of an environment, or the usual ones. */
export function portsOf (env: Env): SystemPorts {
  return Object.fromEntries(names.map((name) => {
    const text = env[portVariables[name]] || String(USUAL_PORTS[name])
    const port = Number(text)
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
      throw new Error(`${portVariables[name]} is "${text}": it needs a port, 1 to 65535`)
    }
    return [name, port]
  })) as SystemPorts
}

/** Whether this run has a console. Throws where `CONSOLE` is neither `on` nor `off`. */
export function hasConsole ({ CONSOLE }: Env): boolean {
  const wanted = (CONSOLE || 'on').toLowerCase()
  if (wanted !== 'on' && wanted !== 'off') throw new Error(`CONSOLE is "${CONSOLE}": it needs on or off`)
  return wanted === 'on'
}

/** The ports that this run opens; a server that the environment names needs none. */
export function neededPorts (env: Env): PortName[] {
  const ownServers = {
    postgres: !databaseOwners.every(({ prefix }) => env[`${prefix}_DATABASE_URL`]),
    nats: !env.NATS_URL,
    console: hasConsole(env),
    consoleOps: hasConsole(env)
  }
  return names.filter((name) => ownServers[name as keyof typeof ownServers] ?? true)
}

/** The addresses and hints that `start` prints when everything runs. */
export function addresses (
  env: Env,
  { dataDir, milliseconds, consoleLink }: { dataDir: string, milliseconds: number, consoleLink: string | undefined }
): string {
  const ports = portsOf(env)
  const host = env.HOST || '127.0.0.1'
  const gateway = originOf(host, ports.gateway)
  const rows = [
    ...consoleLink === undefined ? [] : [['console', `${consoleLink}   (this link works once)`]],
    ['API', gateway],
    ['API reference', `${gateway}/docs`],
    ['events', `${gateway}/docs/events`],
    ['NATS', env.NATS_URL ? 'as NATS_URL says' : `nats://127.0.0.1:${ports.nats}   (no credentials: read-only)`],
    [
      'services',
      `${upstreams.map(({ name }) => `${name} ${ports[name]}`).join(', ')}${
        host === '127.0.0.1' ? '' : `   (HOST: ${host})`
      }`
    ],
    [
      'metrics',
      `${declarations.map(({ name }) => `${name} ${ports[`${name}Ops`]}`).join(', ')}   (/metrics)`
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
