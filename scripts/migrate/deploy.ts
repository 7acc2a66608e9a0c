import type { ServiceName } from '@gatepost/contracts/service-name'
import { services } from '@gatepost/contracts/services'
import { isPooled, sessionConfig } from '@gatepost/service-kit/database-session'
import pg from 'pg'
import { connectionFault, migrationVariable } from '../connection-fault.ts'
import { protectAuditTrail } from './audit-grants.ts'
import { schemaFolder } from '../prisma.ts'
import { applyMigrations, migrationNames } from './schema-engine.ts'

/** Applies what is pending and says which. The engine, which takes a second, runs only when something is. */
export async function deploy (service: ServiceName, ownerUrl: string): Promise<string[]> {
  if (isPooled(ownerUrl)) {
    const variable = `${services[service].prefix}_MIGRATION_DATABASE_URL`
    throw new Error(
      `migrations hold a lock that a pooler would lose: ${variable} leads to PostgreSQL itself, without pgbouncer=true`
    )
  }
  const pending = await pendingMigrations(service, ownerUrl)
  if (pending.length > 0) {
    await applyMigrations(schemaFolder(service), ownerUrl).catch((error: Error) => {
      throw new Error(`the migrations of ${service} failed:\n${error.message}`, { cause: error })
    })
  }
  if (service === 'auth') await protectAuditTrail(ownerUrl)
  return pending
}

/** Migrations of the folder that the database has not finished. */
export async function pendingMigrations (service: ServiceName, url: string): Promise<string[]> {
  const done = await finishedMigrations(service, url)
  return (await migrationNames(schemaFolder(service))).filter((name) => !done.has(name))
}

async function connected (service: ServiceName, url: string) {
  try {
    decodeURIComponent(url) // pg lets a raw % pass, the schema engine does not
    const client = new pg.Client(sessionConfig({ url, name: 'gatepost-migrate' }))
    await client.connect()
    return client
  } catch (error) {
    throw connectionFault(migrationVariable(service, process.env) ?? `the database of ${service}`, error)
  }
}

async function finishedMigrations (service: ServiceName, url: string) {
  const client = await connected(service, url)
  try {
    const { rows } = await client
      .query('SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL')
    return new Set(rows.map((row: { migration_name: string }) => row.migration_name))
  } catch (error) {
    // no such table: nothing was ever applied
    if ((error as { code?: string }).code === '42P01') return new Set<string>()
    throw error
  } finally {
    await client.end()
  }
}
