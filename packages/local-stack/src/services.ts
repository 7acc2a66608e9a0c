import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, startChild } from './child.ts'
import type { SystemPorts } from './ports.ts'

export type ServiceName = 'gateway' | 'auth' | 'posts' | 'feed'

interface ServiceOptions {
  service: ServiceName
  root: string
  ports: SystemPorts
  env: Readonly<Record<string, string | undefined>>
  settings: { databaseUrl: string | undefined, natsUrl: string, tokenSecret: string, dataDir: string }
  onOutput?: (name: string, text: string) => void
}

/** Variables that one service alone may see. */
const PRIVATE: Record<string, ServiceName> = {
  TOKEN_SECRET: 'auth', PASSWORD_PEPPER: 'auth', PASSWORD_PEPPER_PREVIOUS: 'auth', SMTP_URL: 'auth', AUTH_DATABASE_URL: 'auth', POSTS_DATABASE_URL: 'posts', FEED_DATABASE_URL: 'feed', REDIS_URL: 'gateway'
}

/** One arena, and its free end goes back to the system: 5 to 15 MB less resident, for no time that could be measured (as in deploy/Dockerfile). */
export const LEAN_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }

/** Starts one service as a process of its own, with the settings that concern it. */
export function startService ({ service, root, ports, env, settings, onOutput }: ServiceOptions): Child {
  const upper = service.toUpperCase()
  const shared = Object.fromEntries(Object.entries(env).filter(([name]) => (PRIVATE[name] ?? service) === service && !name.endsWith('_MIGRATION_DATABASE_URL')))
  return startChild(process.execPath, [join(root, `services/${service}/src/server.ts`)], {
    name: service,
    cwd: root,
    // The IPC channel tells the service when we are gone.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    onOutput: onOutput && ((text) => onOutput(service, text)),
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'), // a third off the time that a process takes to start
      ...LEAN_MALLOC,
      AUTH_URL: `http://127.0.0.1:${ports.auth}`,
      POSTS_URL: `http://127.0.0.1:${ports.posts}`,
      FEED_URL: `http://127.0.0.1:${ports.feed}`,
      PUBLIC_URL: `http://127.0.0.1:${ports.gateway}`,
      MAIL_DIR: join(settings.dataDir, 'mail'),
      ...shared,
      [`${upper}_PORT`]: String(ports[service]),
      [`${upper}_OPS_PORT`]: String(ports[`${service}Ops`]),
      NATS_URL: settings.natsUrl,
      ...settings.databaseUrl && { [`${upper}_DATABASE_URL`]: settings.databaseUrl },
      ...service === 'auth' && { TOKEN_SECRET: settings.tokenSecret }
    }
  })
}

const READY_TIMEOUT_MS = 60_000

/** What started beside a service may be seen by it a moment later; what is still amiss after that is not for us to wait for. */
const DEGRADED_MS = 2_000

/** Resolves once `/ready` is green, or 200 for a while, or nobody wants to know any more. Whether the process still lives is for the caller to watch. */
export async function waitUntilReady (service: string, port: number, givenUp?: AbortSignal): Promise<void> {
  let since = Infinity
  for (const deadline = Date.now() + READY_TIMEOUT_MS; ; await sleep(50)) {
    const answer = await readiness(port).catch(() => undefined)
    since = answer?.status === 200 ? Math.min(since, Date.now()) : Infinity
    if (Date.now() - since > DEGRADED_MS || givenUp?.aborted || (answer?.status === 200 && JSON.parse(answer.body).status === 'up')) return
    if (Date.now() > deadline) throw new Error(`${service} is not ready after ${READY_TIMEOUT_MS / 1000} s: ${answer?.body ?? 'no answer'}`)
  }
}

/** Not by fetch, which takes several times the processor time while that is what the services start with. */
function readiness (port: number) {
  return new Promise<{ status: number | undefined, body: string }>((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port, path: '/ready', signal: AbortSignal.timeout(2000) }, (answer) => {
      text(answer).then((body) => resolve({ status: answer.statusCode, body }), reject)
    })
    asked.on('error', reject)
  })
}
