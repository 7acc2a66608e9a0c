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
  await execute(url('postgres', 'postgres'), `CREATE DATABASE ${name} TEMPLATE ${service} STRATEGY FILE_COPY OWNER ${service}_owner`, `GRANT CONNECT, TEMPORARY ON DATABASE ${name} TO ${service}`)
  return {
    name,
    url: url(service),
    ownerUrl: url(`${service}_owner`),
    adminUrl: url('postgres'),
    drop: () => execute(url('postgres', 'postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  }
}

async function execute (url: string, ...statements: string[]) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
