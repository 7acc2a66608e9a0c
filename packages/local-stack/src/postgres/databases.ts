import pg from 'pg'
import type { Credentials } from './cluster.ts'

interface Server {
  credentials: Credentials
  /** The superuser's URL of a database. */
  adminUrl (database?: string): string
}

/** From 17 on PostgreSQL has a collation of its own that no update of the system changes. */
const BUILTIN_COLLATION_SINCE = 170_000

/**
 * One database and two roles per service: `<service>_owner` migrates, `<service>` reads and writes rows. Encoding and
 * collation are stated, since the cluster's may be any. `sessionSettings` become those of the service's role there, for
 * a pooler whose sessions nobody else sets up; they are set also where the database exists.
 */
export async function ensureDatabases (
  server: Server,
  services: readonly string[],
  sessionSettings: Readonly<Record<string, string>> = {}
) {
  const admin = new pg.Client({ connectionString: server.adminUrl() })
  await admin.connect()
  try {
    const { rows: [{ version }] } = await admin.query("SELECT current_setting('server_version_num')::int AS version")
    // Both: the parser of text search goes by the locale of the system's library, whatever provides the collation.
    const locale = `LOCALE 'C.UTF-8' ${
      version >= BUILTIN_COLLATION_SINCE ? "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'" : ''
    }`
    for (const service of services) {
      const { rowCount } = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [service])
      if (!rowCount) {
        for (const role of [`${service}_owner`, service]) {
          const password = server.credentials[role]
          if (!password) throw new Error(`there is no password for the role ${role}`)
          // A role may be left of a service that was here before, with a password that nobody kept.
          const { rowCount: known } = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role])
          await admin.query(`${known ? 'ALTER' : 'CREATE'} ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
        }
        await admin
          .query(`CREATE DATABASE ${service} OWNER ${service}_owner TEMPLATE template0 ENCODING 'UTF8' ${locale}`)
        await grantRows(server.adminUrl(service), service)
      }
      for (const [name, value] of Object.entries(sessionSettings)) {
        await admin.query(`ALTER ROLE ${service} IN DATABASE ${service} SET ${name} = ${pg.escapeLiteral(value)}`)
      }
    }
  } finally {
    await admin.end()
  }
}

async function grantRows (databaseUrl: string, service: string) {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const defaults = `ALTER DEFAULT PRIVILEGES FOR ROLE ${service}_owner IN SCHEMA public GRANT`
    await client.query(`
      REVOKE ALL ON DATABASE ${service} FROM PUBLIC;
      GRANT CONNECT, TEMPORARY ON DATABASE ${service} TO ${service};
      ALTER SCHEMA public OWNER TO ${service}_owner;
      REVOKE ALL ON SCHEMA public FROM PUBLIC;
      GRANT USAGE ON SCHEMA public TO ${service};
      ${defaults} SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${service};
      ${defaults} USAGE, SELECT ON SEQUENCES TO ${service};
      ${defaults} EXECUTE ON FUNCTIONS TO ${service};
    `)
  } finally {
    await client.end()
  }
}
