import pg from 'pg'
import type { Credentials } from './cluster.ts'

interface Server {
  credentials: Credentials
  /** The superuser's URL of a database. */
  adminUrl (database?: string): string
}

/** One database and two roles per service: `<service>_owner` migrates, `<service>` reads and writes rows. */
export async function ensureDatabases (server: Server, services: readonly string[]) {
  const admin = new pg.Client({ connectionString: server.adminUrl() })
  await admin.connect()
  try {
    for (const service of services) {
      const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [service])
      if (rowCount) continue
      await admin.query(`CREATE ROLE ${service}_owner LOGIN PASSWORD '${server.credentials[`${service}_owner`]}'`)
      await admin.query(`CREATE ROLE ${service} LOGIN PASSWORD '${server.credentials[service]}'`)
      await admin.query(`CREATE DATABASE ${service} OWNER ${service}_owner`)
      await grantRows(server.adminUrl(service), service)
    }
  } finally {
    await admin.end()
  }
}

async function grantRows (databaseUrl: string, service: string) {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(`
      REVOKE ALL ON DATABASE ${service} FROM PUBLIC;
      GRANT CONNECT, TEMPORARY ON DATABASE ${service} TO ${service};
      ALTER SCHEMA public OWNER TO ${service}_owner;
      REVOKE ALL ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public TO ${service};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${service}_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${service};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${service}_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ${service};
      ALTER DEFAULT PRIVILEGES FOR ROLE ${service}_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO ${service};
    `)
  } finally {
    await client.end()
  }
}
