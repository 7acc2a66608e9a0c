import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import { schemaFolder } from '../prisma.ts'
import { sqlToSchema } from './schema-engine.ts'
import { withScratchPostgres } from './scratch-postgres.ts'

interface MigrationOptions {
  /** The folder with schema.prisma and migrations; by default the service's. */
  folder?: string
  /** A role that may make databases, for the shadow one; by default a throw-away PostgreSQL is started. */
  databaseUrl?: string
}

/**
 * Writes the migration from what the migrations of `folder` make to what its schema says, and returns its path;
 * undefined when they agree. Not by `prisma migrate dev`, whose look for data loss needs the native engine: read what
 * you commit.
 */
export async function makeMigration (
  service: ServiceName,
  name: string,
  { folder = schemaFolder(service), databaseUrl }: MigrationOptions = {}
): Promise<string | undefined> {
  const migrations = join(folder, 'migrations')
  await mkdir(migrations, { recursive: true })
  const sql = databaseUrl
    ? await sqlToSchema(folder, databaseUrl)
    : await withScratchPostgres((server) => sqlToSchema(folder, server.adminUrl(services[service].database)))
  if (sql === undefined) return undefined
  const stamp = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const target = join(migrations, `${stamp}_${name.replaceAll(/\W+/g, '_').toLowerCase()}`)
  await mkdir(target)
  await writeFile(join(target, 'migration.sql'), sql)
  return join(target, 'migration.sql')
}
