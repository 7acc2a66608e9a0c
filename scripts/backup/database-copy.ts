import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sessionConfig } from '@gatepost/service-kit/database-session'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { connectionFault } from '../connection-fault.ts'
import type { Entry } from './archive.ts'

export interface TableHeader {
  kind: 'table'
  database: string
  table: string
  columns: string[]
}

export interface DatabaseHeader {
  kind: 'database'
  database: string
  /** The migrations that its tables are made by. */
  migrations: string[]
  /** The last value of each sequence. */
  sequences: Record<string, string>
}

const MIGRATIONS = '_prisma_migrations'
/** Without columns that PostgreSQL computes. */
const TABLES = `SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> '${MIGRATIONS}'
    AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  GROUP BY c.relname ORDER BY c.relname`
const REFERENCES = `SELECT conrelid::regclass::text AS table, confrelid::regclass::text AS needs
  FROM pg_constraint WHERE contype = 'f'`
const APPLIED = `SELECT migration_name AS name FROM ${MIGRATIONS}
  WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name`
const SEQUENCES = `SELECT sequencename AS name, coalesce(last_value, 0)::text AS value FROM pg_sequences
  WHERE schemaname = 'public' AND last_value IS NOT NULL`
/** What processes keep for a moment, and would take for their own. */
const MOMENTARY = new Set(['outbox_lease', 'event_starts'])

export type Client = pg.Client

/** Connects as the role that owns the tables. Throws one line that names the variable. */
export async function connectOwner (url: string, variable: string): Promise<Client> {
  const client = new pg.Client(sessionConfig({
    url,
    name: 'gatepost-backup',
    statementTimeoutMs: 0,
    settings: { idle_in_transaction_session_timeout: '0' }
  }))
  await client.connect().catch((error: unknown) => { throw connectionFault(variable, error) })
  return client
}

async function rowsOf<Row> (client: Client, text: string, values: unknown[] = []) {
  return (await client.query(text, values)).rows as Row[]
}

export async function migrationsOf (client: Client): Promise<string[]> {
  return (await rowsOf<{ name: string }>(client, APPLIED)).map(({ name }) => name)
}

/** A database as of one moment. */
export async function * copyDatabase (client: Client, database: string): AsyncGenerator<Entry> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const sequences = await rowsOf<{ name: string, value: string }>(client, SEQUENCES)
  const header: DatabaseHeader = {
    kind: 'database',
    database,
    migrations: await migrationsOf(client),
    sequences: Object.fromEntries(sequences.map(({ name, value }) => [name, value]))
  }
  yield { header: { ...header }, chunks: [] }
  for (const { table, columns } of await tablesInOrder(client)) {
    if (MOMENTARY.has(table)) continue
    const statement = `COPY ${pg.escapeIdentifier(table)} (${columns.map(pg.escapeIdentifier).join(', ')}) TO STDOUT`
    const source = client.query(copyTo(statement))
    yield { header: { kind: 'table', database, table, columns }, chunks: source }
  }
  await client.query('COMMIT')
}

/** What others refer to comes first. */
async function tablesInOrder (client: Client) {
  const tables = await rowsOf<{ table: string, columns: string[] }>(client, TABLES)
  const references = await rowsOf<{ table: string, needs: string }>(client, REFERENCES)
  const sorted: typeof tables = []
  while (sorted.length < tables.length) {
    const ready = tables.filter((candidate) =>
      !sorted.includes(candidate) && references.every(({ table, needs }) =>
        table !== candidate.table || needs === table || sorted.some((done) => done.table === needs)
      )
    )
    if (ready.length === 0) throw new Error('the tables refer to each other in a circle')
    sorted.push(...ready)
  }
  return sorted
}

/** The tables that hold something. */
export async function filledTables (client: Client): Promise<string[]> {
  const filled: string[] = []
  for (const { table } of await rowsOf<{ table: string }>(client, TABLES)) {
    const [row] = await rowsOf(client, `SELECT FROM ${pg.escapeIdentifier(table)} LIMIT 1`)
    if (row) filled.push(table)
  }
  return filled
}

/** Roles of others that are connected: a service that runs. */
export async function othersConnected (client: Client): Promise<string[]> {
  const rows = await rowsOf<{ name: string }>(
    client,
    `SELECT DISTINCT usename AS name FROM pg_stat_activity
    WHERE datname = current_database() AND usename <> current_user`
  )
  return rows.map(({ name }) => name)
}

/** Begins to fill a database anew, in one transaction that the caller commits. */
export async function emptyDatabase (client: Client): Promise<void> {
  await client.query('BEGIN')
  const tables = await rowsOf<{ table: string }>(client, TABLES)
  await client.query(`TRUNCATE ${tables.map(({ table }) => pg.escapeIdentifier(table)).join(', ')}`)
}

export async function fillTable (client: Client, { table, columns }: TableHeader, chunks: Entry['chunks']) {
  const statement = `COPY ${pg.escapeIdentifier(table)} (${columns.map(pg.escapeIdentifier).join(', ')}) FROM STDIN`
  await pipeline(Readable.from(chunks), client.query(copyFrom(statement)))
}

export async function setSequences (client: Client, { sequences }: DatabaseHeader): Promise<void> {
  for (const [name, value] of Object.entries(sequences)) {
    await client.query('SELECT setval($1::regclass, $2::bigint)', [pg.escapeIdentifier(name), value])
  }
}
