import pg from 'pg'

/** Columns by table; `*` is all of a table. */
export type Readable = Readonly<Record<string, readonly string[]>>

export interface ReaderOptions {
  /** The superuser's URL of a database. */
  adminUrl(database: string): string
  role: string
  password: string
  /** What the role may read, by the name of the database. */
  databases: Readonly<Record<string, Readable>>
}

/**
 * Makes a role that may read some columns and do nothing else, or gives an existing one that password and these rights.
 * The tables are there: migrations come first.
 */
export async function ensureReader ({ adminUrl, role, password, databases }: ReaderOptions): Promise<void> {
  const name = pg.escapeIdentifier(role)
  for (const [database, tables] of Object.entries(databases)) {
    const admin = new pg.Client({ connectionString: adminUrl(database) })
    await admin.connect()
    try {
      const { rowCount } = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
      await admin.query(`${rowCount ? 'ALTER' : 'CREATE'} ROLE ${name} LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
      await admin.query(`ALTER ROLE ${name} SET default_transaction_read_only = on`)
      await admin.query(`GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(database)} TO ${name}`)
      await admin.query(`GRANT USAGE ON SCHEMA public TO ${name}`)
      await admin.query(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${name}`)
      for (const [table, columns] of Object.entries(tables)) {
        const list = columns.includes('*')
          ? ''
          : ` (${columns.map((column) => pg.escapeIdentifier(column)).join(', ')})`
        await admin.query(`GRANT SELECT${list} ON public.${pg.escapeIdentifier(table)} TO ${name}`)
      }
    } finally {
      await admin.end()
    }
  }
}
