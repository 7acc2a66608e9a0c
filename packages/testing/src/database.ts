import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { testServers } from './servers.ts'

export interface TestDatabase {
  name: string
  /** As the service connects: rows only. */
  url: string
  /** As the role that owns the tables. */
  ownerUrl: string
  /** As the superuser. */
  adminUrl: string
  drop (): Promise<void>
}

/** A database of one's own with all migrations of the service applied, cloned from the run's template. */
export async function createDatabase (service: 'auth' | 'posts' | 'feed'): Promise<TestDatabase> {
  const { postgresPort, credentials } = testServers()
  const name = `${service}_${randomBytes(6).toString('hex')}`
  const url = (role: string, database = name) => `postgresql://${role}:${credentials[role]}@127.0.0.1:${postgresPort}/${database}`
  const administrator = administratorOf(url('postgres', 'postgres'))
  await administrator.query(`CREATE DATABASE ${name} TEMPLATE ${service} STRATEGY FILE_COPY OWNER ${service}_owner`)
  await administrator.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO ${service}`)
  return {
    name,
    url: url(service),
    ownerUrl: url(`${service}_owner`),
    adminUrl: url('postgres'),
    async drop () { await administrator.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
  }
}

let administrators: pg.Pool | undefined
/** One connection for all that a process makes and drops: a connection costs PostgreSQL more than what it is asked here. */
function administratorOf (url: string) {
  if (!administrators) {
    administrators = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true })
    administrators.on('error', () => {}) // the server stops before this process ends
  }
  return administrators
}
