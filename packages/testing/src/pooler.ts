import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BinarySource, findBinary } from '@gatepost/local-stack/binaries'
import { startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { asUnprivileged, unprivilegedUser } from '@gatepost/local-stack/postgres/unprivileged'
import { testServers } from './servers.ts'

const PGBOUNCER: BinarySource = {
  name: 'pgbouncer',
  variable: 'PGBOUNCER_BIN',
  packages: ['pgbouncer', 'libc-ares2', 'libevent-2.1-7'],
  install: 'https://www.pgbouncer.org/install.html'
}

export interface Pooler {
  /** The URL of the same database through the pooler. */
  urlOf (databaseUrl: string): string
  stop (): Promise<void>
}

/** A PgBouncer with default settings in front of the run's PostgreSQL, with fewer sessions than clients. */
export async function startPooler (
  { mode, settings = [] }: { mode: 'transaction' | 'session', settings?: string[] }
): Promise<Pooler> {
  const { postgresPort, credentials } = testServers()
  const binary = await findBinary(PGBOUNCER)
  const [port] = await freePorts(1) as [number]
  const folder = await mkdtemp(join(tmpdir(), 'gatepost-pooler-'))
  const [config, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users')]
  await writeFile(users, Object.entries(credentials).map(([role, password]) => `"${role}" "${password}"\n`).join(''))
  await writeFile(
    config,
    [
      '[databases]',
      `* = host=127.0.0.1 port=${postgresPort}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = scram-sha-256',
      `auth_file = ${users}`,
      `pool_mode = ${mode}`,
      `default_pool_size = ${mode === 'transaction' ? 4 : 40}`,
      ...settings
    ].join('\n')
  )
  const user = unprivilegedUser()
  if (user) await Promise.all([folder, config, users].map((path) => chown(path, user.uid, user.gid)))
  const { program, args, ...as } = asUnprivileged(binary.path, [config], config, user) // it refuses to run as root
  const child = startChild(program, args, {
    name: 'pgbouncer',
    stopSignal: 'SIGINT',
    env: { ...process.env, ...binary.env },
    ...as
  })
  await waitForPort(child, port)
  return {
    urlOf (databaseUrl) {
      const url = new URL(databaseUrl)
      url.port = String(port)
      return url.href
    },
    async stop () {
      await child.stop()
      await rm(folder, { recursive: true })
    }
  }
}
