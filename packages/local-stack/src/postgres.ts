import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Child, startChild } from './child.ts'
import {
  createCluster,
  ensureCredentials,
  SERVER_ENVIRONMENT,
  serverPrograms,
  type Credentials
} from './postgres/cluster.ts'
import { ensureDatabases } from './postgres/databases.ts'
import { endLeftover } from './postgres/leftover.ts'
import { asUnprivileged, unprivilegedUser } from './postgres/unprivileged.ts'
import { patiently } from './waiting.ts'

export interface PostgresOptions {
  port: number
  /** Holds the cluster and its passwords. */
  dataDir: string
  /** The services that get a database of their name, with a role that owns it and one that uses it. */
  services: readonly string[]
  /** Whether commits may be lost when the machine (not the process) dies; for tests. */
  unsafeButFast?: boolean
  maxConnections?: number
  /** Further settings of the server. */
  settings?: Readonly<Record<string, string>>
  /** Called with what a slow start is waiting for. */
  say?: (line: string) => void
}

export interface PostgresServer extends Child {
  credentials: Credentials
  /** The superuser's URL of a database. */
  adminUrl (database?: string): string
  /** The URL by which a service uses its database: rows only. */
  serviceUrl (service: string, database?: string): string
  /** The URL by which a service's migrations run: it owns the tables. */
  ownerUrl (service: string, database?: string): string
}

/** Backends of a killed server hold its memory for a moment; meanwhile a new one refuses to start. */
const STILL_IN_USE = /is still in use/
const BACKENDS_MS = 10_000

/** Starts a real PostgreSQL on 127.0.0.1, making the cluster, databases and roles when they are not there yet. */
export async function startPostgres (options: PostgresOptions): Promise<PostgresServer> {
  const { dataDir, services } = options
  const programs = await serverPrograms()
  const folder = join(dataDir, 'cluster')
  if (!existsSync(folder)) await createCluster(programs, dataDir)
  const credentials = await ensureCredentials(dataDir, services)
  await endLeftover(folder)
  for (const deadline = Date.now() + BACKENDS_MS; ; await sleep(100)) {
    try {
      return await launch(programs.postgres, folder, credentials, options)
    } catch (error) {
      if (Date.now() > deadline || !STILL_IN_USE.test((error as Error).message)) throw error
    }
  }
}

async function launch (
  program: string,
  folder: string,
  credentials: Credentials,
  { port, services, unsafeButFast = false, maxConnections = 200, say, settings: more = {} }: PostgresOptions
) {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    log_min_messages: 'fatal',
    shared_buffers: '128MB',
    timezone: 'UTC',
    ...unsafeButFast && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
    ...more
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const { program: command, args, ...as } = asUnprivileged(
    program,
    ['-D', folder, '-p', String(port), ...flags],
    folder,
    unprivilegedUser(folder)
  )
  // SIGINT is PostgreSQL's fast shutdown: connections are cut, transactions rolled back, everything written.
  const child = startChild(command, args, { name: 'PostgreSQL', stopSignal: 'SIGINT', env: SERVER_ENVIRONMENT, ...as })
  const url = (user: string, password: string, database: string) =>
    `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`
  const server: PostgresServer = {
    ...child,
    credentials,
    adminUrl: (database = 'postgres') => url('postgres', credentials.postgres!, database),
    serviceUrl: (service, database = service) => url(service, credentials[service]!, database),
    ownerUrl: (service, database = service) => url(`${service}_owner`, credentials[`${service}_owner`]!, database)
  }
  try {
    await waitUntilReady(server, say)
    await ensureDatabases(server, services)
    return server
  } catch (error) {
    await child.stop()
    throw error
  }
}

async function waitUntilReady (server: PostgresServer, say?: (line: string) => void) {
  const tell = patiently('PostgreSQL', say)
  let end: string | undefined
  void server.ended.then((text) => { end = text })
  for (const deadline = Date.now() + 30_000; ; await sleep(30)) {
    const client = new pg.Client({ connectionString: server.adminUrl() })
    const failure = await client.connect().then(() => undefined, (error: Error) => error)
    await client.end().catch(() => {})
    if (!failure) return
    if (end) throw new Error(`${end}\n${server.lastWords()}`)
    if (Date.now() > deadline) throw new Error(`PostgreSQL does not answer: ${failure.message}`)
    tell(failure.message)
  }
}
