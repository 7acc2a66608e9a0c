import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Child, startChild } from './child.ts'
import { createCluster, credentialsIn, serverPrograms, type Credentials } from './postgres/cluster.ts'
import { ensureDatabases } from './postgres/databases.ts'
import { asUnprivileged } from './postgres/unprivileged.ts'

export interface PostgresOptions {
  port: number
  /** Holds the cluster and its passwords. */
  dataDir: string
  /** The services that get a database of their name, with a role that owns it and one that uses it. */
  services: readonly string[]
  /** Whether commits may be lost when the machine (not the process) dies; for tests. */
  unsafeButFast?: boolean
  maxConnections?: number
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

/** Starts a real PostgreSQL on 127.0.0.1, making the cluster, databases and roles when they are not there yet. */
export async function startPostgres ({ port, dataDir, services, unsafeButFast = false, maxConnections = 200 }: PostgresOptions): Promise<PostgresServer> {
  const programs = await serverPrograms()
  const folder = join(dataDir, 'cluster')
  if (!existsSync(folder)) await createCluster(programs, dataDir, services)
  const credentials = await credentialsIn(dataDir)
  await endLeftover(folder)
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    log_min_messages: 'fatal',
    shared_buffers: '128MB',
    timezone: 'UTC',
    ...unsafeButFast && { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  // SIGINT is PostgreSQL's fast shutdown: connections are cut, transactions rolled back, everything written.
  const { program, args, ...as } = asUnprivileged(programs.postgres, ['-D', folder, '-p', String(port), ...flags], folder)
  const child = startChild(program, args, { name: 'PostgreSQL', stopSignal: 'SIGINT', ...as })
  const url = (user: string, password: string, database: string) => `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`
  const server: PostgresServer = {
    ...child,
    credentials,
    adminUrl: (database = 'postgres') => url('postgres', credentials.postgres!, database),
    serviceUrl: (service, database = service) => url(service, credentials[service]!, database),
    ownerUrl: (service, database = service) => url(`${service}_owner`, credentials[`${service}_owner`]!, database)
  }
  try {
    await waitUntilReady(server)
    await ensureDatabases(server, services)
    return server
  } catch (error) {
    await child.stop()
    throw error
  }
}

async function waitUntilReady (server: PostgresServer) {
  let end: string | undefined
  void server.ended.then((text) => { end = text })
  for (const deadline = Date.now() + 30_000; ; await sleep(30)) {
    const client = new pg.Client({ connectionString: server.adminUrl() })
    const failure = await client.connect().then(() => undefined, (error: Error) => error)
    await client.end().catch(() => {})
    if (!failure) return
    if (end) throw new Error(`${end}\n${server.lastWords()}`)
    if (Date.now() > deadline) throw new Error(`PostgreSQL does not answer: ${failure.message}`)
  }
}

/** A cluster that outlived the process that started it is asked to stop, so that there are never two on one folder. */
async function endLeftover (folder: string) {
  const file = join(folder, 'postmaster.pid')
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n', 1)[0])
  if (!pid) return
  for (let waited = 0; waited < 10_000 && existsSync(file); waited += 50) {
    try {
      if (waited === 0) process.kill(pid, 'SIGINT')
      process.kill(pid, 0)
    } catch {
      return // it is gone; PostgreSQL recognises its stale file by itself
    }
    await sleep(50)
  }
}
