import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { declarations } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { originOf } from './address.ts'
import { type Child, startChild, waitForPort } from './child.ts'
import { type Env, systemEnvironment } from './environment.ts'
import type { SystemPorts } from './ports.ts'
import { LEAN_MALLOC } from './services.ts'
import type { RunningSystem } from './system.ts'

/** What a run gives its console and those who send it traces. */
export interface ConsoleSecrets {
  /** Opens the console, once. */
  token: string
  tracesToken: string
}

export interface ConsoleOptions {
  root: string
  ports: SystemPorts
  env: Env
  dataDir: string
  system: Pick<RunningSystem, 'brokerUrl' | 'restart'>
  secrets: ConsoleSecrets
  /** Databases by name, as the role that may read them. */
  databases: Readonly<Record<string, string>>
  onOutput?: (name: string, text: string) => void
}

/** Requests a second that are traced, in this run: a person's clicks are, a load is not. */
const TRACES_PER_SECOND = '50'

export function consoleSecrets (): ConsoleSecrets {
  const secret = () => randomBytes(32).toString('base64url')
  return { token: secret(), tracesToken: secret() }
}

/** The address that opens the console, once. */
export function consoleLink (ports: SystemPorts, { token }: ConsoleSecrets): string {
  return `${originOf('127.0.0.1', ports.console)}/open?token=${token}`
}

/** The settings by which services send their traces to the console; none where traces go somewhere already. */
export function tracingSettings (
  ports: SystemPorts,
  { tracesToken }: ConsoleSecrets,
  env: Env
): Record<string, string> {
  if (env.OTEL_EXPORTER_OTLP_ENDPOINT) return {}
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: originOf('127.0.0.1', ports.console),
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${tracesToken}`,
    TRACES_PER_SECOND: env.TRACES_PER_SECOND || TRACES_PER_SECOND
  }
}

/** Starts the console beside a running system, on loopback; resolves once it listens. It may restart services. */
export async function startConsole ({
  root,
  ports,
  env,
  dataDir,
  system,
  secrets,
  databases,
  onOutput
}: ConsoleOptions): Promise<Child> {
  const host = env.HOST || '127.0.0.1'
  const processes = declarations.map(
    ({ name }) => `${name}=${originOf(host, ports[name])}|${originOf(host, ports[`${name}Ops`])}`
  )
  const child = startChild(process.execPath, [join(root, 'services/console/src/server.ts')], {
    name: 'console',
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    onOutput: onOutput && ((text) => onOutput('console', text)),
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
      ...systemEnvironment(env),
      ...LEAN_MALLOC,
      LOG_LEVEL: env.LOG_LEVEL,
      CONSOLE_PORT: String(ports.console),
      CONSOLE_OPS_PORT: String(ports.consoleOps),
      CONSOLE_TOKEN: secrets.token,
      CONSOLE_TRACES_TOKEN: secrets.tracesToken,
      CONSOLE_PROCESSES: processes.join(','),
      CONSOLE_DATABASES:
        env.CONSOLE_DATABASES ||
        Object.entries(databases)
          .map(([name, url]) => `${name}=${url}`)
          .join(','),
      NATS_URL: system.brokerUrl('console'),
      PUBLIC_URL: env.PUBLIC_URL || originOf(host, ports.gateway),
      MAIL_DIR: env.SMTP_URL ? undefined : env.MAIL_DIR || join(dataDir, 'mail')
    }
  })
  child.process.on('message', (message: { restart: string, id: number }) => {
    void answerRestart(system, message).then((answer) => {
      if (child.process.connected) child.process.send(answer, undefined, undefined, () => {})
    })
  })
  await waitForPort(child, ports.console)
  return child
}

/** Restarts a service that the console names. */
async function answerRestart (
  system: Pick<RunningSystem, 'restart'>,
  { restart, id }: { restart: string, id: number }
) {
  if (!declarations.some(({ name }) => name === restart)) return { id, fault: 'no such process' }
  return system.restart(restart as ServiceName).then(
    () => ({ id }),
    (error: Error) => ({ id, fault: error.message })
  )
}
