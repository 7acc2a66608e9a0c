import { get } from 'node:http'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { upstreams } from '@gatepost/contracts/declarations'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import { originOf } from './address.ts'
import { type Child, startChild } from './child.ts'
import { type Env, systemEnvironment } from './environment.ts'
import type { SystemPorts } from './ports.ts'
import { patiently } from './waiting.ts'

export interface ServiceSettings {
  service: ServiceName
  root: string
  ports: SystemPorts
  env: Env
  settings: { databaseUrl: string | undefined, natsUrl: string, tokenSecret: string, dataDir: string }
}

interface ServiceOptions extends ServiceSettings {
  onOutput?: (name: string, text: string) => void
}

/**
 * One arena, and its free end goes back to the system: 5 to 15 MB less resident, for no time that could be measured (as
 * in deploy/Dockerfile).
 */
export const LEAN_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }

/**
 * The environment of one service: what the system needs, and of the rest the settings that the service's own schema
 * names.
 */
export function serviceEnvironment (
  { service, root, ports, env, settings }: ServiceSettings
): Record<string, string | undefined> {
  const { prefix } = services[service]
  const host = env.HOST || '127.0.0.1'
  const environment: Record<string, string | undefined> = {
    ...Object.fromEntries(upstreams.map(({ name, prefix: its }) => [`${its}_URL`, originOf(host, ports[name])])),
    PUBLIC_URL: originOf(host, ports.gateway),
    MAIL_DIR: join(settings.dataDir, 'mail'),
    ...present(env),
    [`${prefix}_PORT`]: String(ports[service]),
    [`${prefix}_OPS_PORT`]: String(ports[`${service}Ops`]),
    NATS_URL: settings.natsUrl,
    ...settings.databaseUrl && { [`${prefix}_DATABASE_URL`]: settings.databaseUrl },
    TOKEN_SECRET: settings.tokenSecret,
    ...service === 'auth' && isSomeAddress(host) &&
      { TRUSTED_PROXIES: [env.TRUSTED_PROXIES, host].filter(Boolean).join(',') }
  }
  return {
    NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'), // a third off the time that a process takes to start
    ...systemEnvironment(env),
    ...LEAN_MALLOC,
    ...Object.fromEntries(settingNames(root, service).map((name) => [name, environment[name]]))
  }
}

/** Whether calls to this host come from it as well, and not from loopback, which auth trusts as the gateway's. */
function isSomeAddress (host: string) {
  return isIP(host) !== 0 && !/^(127\.|0\.0\.0\.0$|::1?$)/.test(host)
}

/** An empty value counts as absent, here as in the services. */
function present (env: Env) {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value))
}

function settingNames (root: string, service: ServiceName): string[] {
  const { settingsSchema } = createRequire(import.meta.url)(join(root, `services/${service}/src/config.ts`)) as {
    settingsSchema: { properties: object }
  }
  return Object.keys(settingsSchema.properties)
}

/** Starts one service as a process of its own, with the settings that concern it. */
export function startService ({ onOutput, ...settings }: ServiceOptions): Child {
  const { service, root } = settings
  return startChild(process.execPath, [join(root, `services/${service}/src/server.ts`)], {
    name: service,
    cwd: root,
    // The IPC channel tells the service when we are gone.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    onOutput: onOutput && ((text) => onOutput(service, text)),
    env: serviceEnvironment(settings)
  })
}

const READY_TIMEOUT_MS = 60_000

/** What started beside a service may be seen by it a moment later; after this long, `degraded` counts as started. */
const DEGRADED_MS = 2_000

export interface WaitOptions {
  /** What the service was told to listen on. */
  host?: string
  /** Aborts the wait. */
  givenUp?: AbortSignal
  say?: (line: string) => void
}

/**
 * Resolves once `/ready` is green, or 200 for a while, or nobody wants to know any more. Whether the process still
 * lives is for the caller to watch.
 */
export async function waitUntilReady (
  service: string,
  port: number,
  { host = '127.0.0.1', givenUp, say }: WaitOptions = {}
): Promise<void> {
  const tell = patiently(service, say)
  let since = Infinity
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(50)) {
    const answer = await readiness(originOf(host, port)).catch(() => undefined)
    since = answer?.status === 200 ? Math.min(since, Date.now()) : Infinity
    if (
      Date.now() - since > DEGRADED_MS || givenUp?.aborted ||
      (answer?.status === 200 && JSON.parse(answer.body).status === 'up')
    ) return
    const reason = answer ? amissIn(answer.body) : `no answer at ${originOf(host, port)}`
    if (Date.now() > deadline) throw new Error(`${service} is not ready after ${READY_TIMEOUT_MS / 1000} s: ${reason}`)
    tell(reason)
  }
}

/** The checks that keep a service from being ready. */
function amissIn (body: string) {
  const { checks } = JSON.parse(body) as { checks: Record<string, { status: string, detail?: string }> }
  return Object.entries(checks).filter(([, { status }]) => status !== 'up').map(([name, { status, detail = status }]) =>
    `${name}: ${detail}`
  ).join(', ')
}

/**
 * Not by fetch, which takes several times the processor time while that is what the services start with; by an agent
 * that takes no proxy of the environment.
 */
function readiness (origin: string) {
  return new Promise<{ status: number | undefined, body: string }>((resolve, reject) => {
    const asked = get(`${origin}/ready`, { agent: false, signal: AbortSignal.timeout(2000) }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode, body }), reject)
    })
    asked.on('error', reject)
  })
}
