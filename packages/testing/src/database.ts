import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import pg from 'pg'
import { testServers } from './servers.ts'

export interface TestDatabase {
  name: string
  /**
   * The URL of the service: rows only. Settings of a hostile role count for a client that sets none itself
   * (`sessionConfig`).
   */
  url: string
  /** As the role that owns the tables. */
  ownerUrl: string
  /** As the superuser. */
  adminUrl: string
  drop (): Promise<void>
}

export interface DatabaseOptions {
  hostile?: boolean
  roleSettings?: Readonly<Record<string, string>>
  tablespace?: string | undefined
}

/** Settings that an operator may have given to a role, each as far as possible from what the services rely on. */
const HOSTILE_SETTINGS = {
  timezone: 'America/Los_Angeles',
  datestyle: 'German, DMY',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  search_path: 'pg_catalog',
  default_transaction_isolation: 'serializable',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms'
}

const LOOK_MS = 10
const PATIENCE_MS = 1_000

/**
 * A database with all migrations of the service, cloned from the run's template. The service's role has `roleSettings`
 * in it; with `hostile`, settings that change what statements mean. All files are in `tablespace`, if it is given.
 */
export async function createDatabase (
  service: ServiceName,
  { hostile = false, roleSettings = hostile ? HOSTILE_SETTINGS : {}, tablespace = 'pg_default' }: DatabaseOptions = {}
): Promise<TestDatabase> {
  const { postgresPort, credentials } = testServers()
  const { database: template } = services[service] // the name of the service's role as well
  const name = `${template}_${randomBytes(6).toString('hex')}`
  const url = (role: string, database = name) =>
    `postgresql://${role}:${credentials[role]}@127.0.0.1:${postgresPort}/${database}`
  const administrator = administratorOf(url('postgres', 'postgres'))
  await administrator
    .query(
      `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY OWNER ${template}_owner TABLESPACE ${tablespace}`
    )
  await administrator.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO ${template}`)
  const set = `ALTER ROLE ${template} IN DATABASE ${name} SET`
  await administrator
    .query(Object.entries(roleSettings).map(([setting, value]) => `${set} ${setting} = '${value}'`).join(';'))
  return {
    name,
    url: url(template),
    ownerUrl: url(`${template}_owner`),
    adminUrl: url('postgres'),
    async drop () {
      const connections = async () =>
        (await administrator.query('SELECT FROM pg_stat_activity WHERE datname = $1', [name])).rowCount
      // An ended pool may still be closing; its connections would report the forced end as a failure.
      for (let looks = 0; looks < PATIENCE_MS / LOOK_MS && await connections(); looks++) await sleep(LOOK_MS)
      await administrator.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  }
}

let administrators: pg.Pool | undefined
/**
 * One connection for all databases that a process makes and drops: a connection costs PostgreSQL more than these
 * statements.
 */
function administratorOf (url: string) {
  if (!administrators) {
    administrators = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true })
    administrators.on('error', () => {}) // the server stops before this process ends
  }
  return administrators
}
