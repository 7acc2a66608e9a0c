import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DatabaseService, prisma } from '../prisma.ts'
import { withScratchPostgres } from './scratch-postgres.ts'

interface MigrationOptions {
  /** The folder with schema.prisma and migrations; by default the service's. */
  folder?: string
  /** A role that may make databases, for the shadow one; by default a throw-away PostgreSQL is started. */
  databaseUrl?: string
}

/** Where a service's schema.prisma and migrations are. */
export function schemaFolder (service: DatabaseService) {
  return fileURLToPath(new URL(`../../prisma/${service}`, import.meta.url))
}

/**
 * Writes the migration from what the migrations of `folder` make to what its schema says, and returns its path; undefined
 * when they agree. Not by `prisma migrate dev`, whose look for data loss needs the native engine: read what you commit.
 */
export async function makeMigration (service: DatabaseService, name: string, { folder = schemaFolder(service), databaseUrl }: MigrationOptions = {}): Promise<string | undefined> {
  const migrations = join(folder, 'migrations')
  await mkdir(migrations, { recursive: true })
  const difference = (url: string) => differenceOf(service, { migrations, schema: join(folder, 'schema.prisma'), url })
  const sql = databaseUrl ? await difference(databaseUrl) : await withScratchPostgres((server) => difference(server.adminUrl(service)))
  if (sql.split('\n').every((line) => line.trim() === '' || line.startsWith('--'))) return undefined
  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const target = join(migrations, `${stamp}_${name.replaceAll(/\W+/g, '_').toLowerCase()}`)
  await mkdir(target)
  await writeFile(join(target, 'migration.sql'), sql)
  return join(target, 'migration.sql')
}

async function differenceOf (service: DatabaseService, { migrations, schema, url }: { migrations: string, schema: string, url: string }) {
  const work = await mkdtemp(join(tmpdir(), 'gatepost-migration-'))
  try {
    const output = join(work, 'migration.sql')
    await prisma(service, ['migrate', 'diff', '--from-migrations', migrations, '--to-schema', schema, '--script', '--output', output], url)
    return await readFile(output, 'utf8')
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
