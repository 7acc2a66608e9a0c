import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import { databaseOwners, declarations } from '@gatepost/contracts/declarations'
import { prefixOf } from '@gatepost/contracts/service'
import type { ServiceDefinition } from '@gatepost/contracts/service'
import { bareEnvironment } from '@gatepost/testing/environment'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findBinary, NATS } from '@gatepost/local-stack/binaries'
import { startChild, waitForPort } from '@gatepost/local-stack/child'
import { freePorts } from '@gatepost/local-stack/ports'
import { type PostgresServer, startPostgres } from '@gatepost/local-stack/postgres'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../../', import.meta.url))
const { services: containers } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, { command: string[] }>
}
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatepost-jobs-'))
  chmodSync(folder, 0o711)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the command of a job of docker-compose.yml. */
async function job (name: string, env: Record<string, string>, ...args: string[]) {
  const [, ...command] = containers[name]!.command
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...command.slice(0, args.length > 0 ? 1 : undefined),
    ...args
  ], { cwd: root, env: { ...bareEnvironment, ...env } })
  return stdout
}

test(
  'databases, migrate: an empty PostgreSQL gets databases, roles and tables; a second run changes nothing',
  async () => {
    const [port] = await freePorts(1) as [number]
    const server: PostgresServer = await startPostgres({
      port,
      dataDir: join(folder, 'postgres'),
      services: [],
      unsafeButFast: true
    })
    try {
      const owner = (service: string) => `postgresql://${service}_owner:${service}-owns@127.0.0.1:${port}/${service}`
      const databases = () =>
        job('databases', {
          POSTGRES_ADMIN_URL: server.adminUrl(),
          ...each(({ database, prefix }) => ({
            [`${prefix}_DATABASE_PASSWORD`]: `${database}-uses`,
            [`${prefix}_OWNER_PASSWORD`]: `${database}-owns`
          }))
        })
      const migrate = () =>
        job('migrate', each(({ prefix, database }) => ({ [`${prefix}_MIGRATION_DATABASE_URL`]: owner(database) })))
      await databases()
      expect((await migrate()).trim().split('\n').map((line) => line.replace(/(applied) .+/, '$1')))
        .toEqual(databaseOwners.map(({ name }) => `${name}: applied`))
      await databases()
      expect(await migrate()).toBe(databaseOwners.map(({ name }) => `${name}: nothing to do\n`).join(''))
      await expect(job('databases', { POSTGRES_ADMIN_URL: server.adminUrl() })).rejects
        .toThrow(/AUTH_DATABASE_PASSWORD is missing/)
    } finally {
      await server.stop()
    }
  },
  120_000
)

test('broker-configuration, provision: a nats-server takes what is written, and every account exists', async () => {
  const accounts = ['provisioner', ...declarations.map(({ name }) => name)]
  const file = join(folder, 'nats-server.conf')
  const passwords = Object
    .fromEntries(accounts.map((account) => [
      `NATS_${prefixOf(account)}_PASSWORD`,
      `secret-of-${account}`
    ]))
  await job('broker-configuration', { NATS_STORE_DIR: join(folder, 'store'), ...passwords }, file)
  const [port, httpPort] = await freePorts(2) as [number, number]
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('0.0.0.0:4222', `127.0.0.1:${port}`).replace(
      '127.0.0.1:8222',
      `127.0.0.1:${httpPort}`
    )
  )
  const { path, env } = await findBinary(NATS)
  const server = startChild(path, ['-c', file], { name: 'nats-server', env: { ...process.env, ...env } })
  try {
    await waitForPort(server, port)
    const health = await fetch(`http://127.0.0.1:${httpPort}/healthz?js-enabled-only=true`)
    expect(await health.json()).toMatchObject({ status: 'ok' })
    for (let run = 1; run <= 2; run++) {
      await job('provision', { NATS_URL: `nats://provisioner:secret-of-provisioner@127.0.0.1:${port}` })
    }
    for (const account of accounts) {
      const connection = await connect({
        servers: `127.0.0.1:${port}`,
        user: account,
        pass: `secret-of-${account}`,
        reconnect: false
      })
      await connection.close()
    }
    await expect(connect({ servers: `127.0.0.1:${port}`, user: 'auth', pass: 'guess', reconnect: false })).rejects
      .toThrow(/authorization/i)
  } finally {
    await server.stop()
  }
}, 60_000)

/** The variables of all services that own a database. */
function each (variablesOf: (service: ServiceDefinition) => Record<string, string>): Record<string, string> {
  return Object.assign({}, ...databaseOwners.map(variablesOf))
}
